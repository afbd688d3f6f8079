using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Microsoft.ML.Drift.Tool.Tests.Commands;

/// <summary>drift serve as a process, from its first line to the signal that ends it.</summary>
public sealed partial class ServeCommandTests(ModelFixture models) : CommandTest(models)
{
    [Theory]
    [InlineData(ToolProcess.Interrupt)]
    [InlineData(ToolProcess.Terminate)]
    public async Task Serve_ComplaintsOfPeople_AreRowsThatRunEats(int signal)
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("Windows has no such signals.");
        using var process = ToolProcess.Start(
            ["serve", "--model", Models.Model, "--port", "0", "--feedback", At("dsat.jsonl"), "--api-key-env", "TEST_CHAT_KEY", "--max-new-tokens", "8", "--temperature", "0", "--threads", "1"],
            ("TEST_CHAT_KEY", "sesame"));
        var first = await process.StandardError.ReadLineAsync() ?? "";
        Assert.StartsWith("model on http://127.0.0.1:", first);
        using var client = new HttpClient { BaseAddress = new Uri(Address().Match(first).Value) };
        Assert.Equal(HttpStatusCode.Unauthorized, (await client.GetAsync("v1/models")).StatusCode);
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "sesame");

        for (var row = 0; row < 4; row++)
        {
            var answer = await Post(client, "v1/chat/completions", $$"""{"model": "model", "messages": [{"role": "user", "content": "question {{(char)('a' + row)}}"}]}""");
            Assert.InRange((int)answer["usage"]!["completion_tokens"]!, 1, 8);
            await Post(client, "feedback", $$"""{"messages": [{"role": "user", "content": "question {{(char)('a' + row)}}"}], "rejected": "bad answer", "feedback": "not what I asked"}""");
        }
        ToolProcess.Send(process, signal);
        var log = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();

        Assert.True(process.ExitCode == ExitCodes.Done, $"exit code {process.ExitCode}: {log}");
        Assert.DoesNotContain("sesame", log);
        Assert.DoesNotContain("question", log);
        Assert.Equal(4, Read("dsat.jsonl").Length);
        var recipe = Write("recipe.yaml", "learning_rate: 1.0e-3", "per_device_train_batch_size: 1", "drift: {iterations: 1, max_new_tokens: 12, drop_unfinished: false, test_rows: 1}");
        await Succeed("run", "--recipe", recipe, "--model", Models.Model, "--dsat", At("dsat.jsonl"), "--output", At("run"), "--threads", "1");
        Assert.True(File.Exists(At("run/model/model.safetensors")));
    }

    [Theory]
    [InlineData("--host is example.com; it must be an IP address", "--host", "example.com")]
    [InlineData("--port is 70000; it must lie between 0 and 65535", "--port", "70000")]
    [InlineData("--api-key-env names DRIFT_NO_SUCH_KEY", "--api-key-env", "DRIFT_NO_SUCH_KEY")]
    [InlineData("--timeout is 0; it must be greater than 0", "--timeout", "0")]
    [InlineData("SeedPairsPath has no effect without FeedbackPath", "--seed-pairs", "pairs.jsonl")]
    [InlineData("MaxQueueLength is -1", "--max-queue", "-1")]
    [InlineData("an origin is a scheme and a host", "--allow-origin", "example.com")]
    [InlineData("BatchSize is 0", "--batch-size", "0")]
    public async Task Serve_WrongOption_IsRefusedBeforeItListens(string message, params string[] option) =>
        Assert.Contains(message, await Refused(["serve", "--model", Models.Model, .. option]));

    [Fact]
    public async Task Serve_ModelWithoutTokenizer_IsRefused() =>
        Assert.Contains("The model has no tokenizer", await Refused("serve", "--model", Models.ModelOfIds, "--port", "0"));

    private static async Task<JsonNode> Post(HttpClient client, string path, string body)
    {
        using var response = await client.PostAsync(path, new StringContent(body, Encoding.UTF8, "application/json"));
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, text);
        return JsonNode.Parse(text)!;
    }

    [GeneratedRegex(@"http://127\.0\.0\.1:\d+/")]
    private static partial Regex Address();
}
