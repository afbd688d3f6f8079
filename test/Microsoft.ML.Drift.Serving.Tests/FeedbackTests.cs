using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.ML.Data;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Serving.Feedback;

namespace Microsoft.ML.Drift.Serving.Tests;

/// <summary>Complaints become rows that the sampler reads.</summary>
public sealed class FeedbackTests(ServedModels models) : IClassFixture<ServedModels>, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("drift-feedback-").FullName;

    private string Rows => Path.Combine(_folder, "new", "dsat.jsonl");

    private string Pairs => Path.Combine(_folder, "seed.jsonl");

    private DriftServingOptions Options => new() { FeedbackPath = Rows, SeedPairsPath = Pairs, ModelName = "toy" };

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string Body(string complaint = "say more", string? chosen = null) => JsonSerializer.Serialize(new
    {
        messages = new object[] { new { role = "system", content = "be brief" }, new { role = "user", content = "first\n\"question\" é 🙂 <b>" } },
        rejected = "bad answer",
        feedback = complaint,
        chosen,
        chosen_finish_reason = chosen is null ? null : "length",
    });

    [Fact]
    public async Task Post_Complaint_IsADsatRowThatTheReaderTakes()
    {
        await using (var server = await ServedModels.Start(models.Trained, Options))
        {
            using var client = Http.Client(server);
            using var response = await client.PostAsync("feedback", Http.Json(Body()));
            Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        }

        var row = JsonNode.Parse(File.ReadAllText(Rows))!;
        Assert.Equal(["id", "prompt", "rejected", "user_preference", "model", "time"], row.AsObject().Select(field => field.Key));
        Assert.Equal("""[{"role":"assistant","content":"bad answer"}]""", row["rejected"]!.ToJsonString());
        Assert.Equal("""{"role":"user","content":"say more"}""", row["user_preference"]!.ToJsonString());
        var view = new MLContext().Data.LoadFromChatJsonLines(Rows);
        Assert.Equal(["RowId", "Prompt", "Rejected", "Feedback"], view.Schema.Select(column => column.Name));
        var read = new MLContext().Data.CreateEnumerable<ReadRow>(view, reuseRowObject: false).Single();
        Assert.Equal(("first\n\"question\" é 🙂 <b>", "bad answer", "say more"), (read.Prompt[1].Text, read.Rejected, read.Feedback));
        Assert.Equal((ChatRole.System, ChatRole.User), (read.Prompt[0].Role, read.Prompt[1].Role));
    }

    [Fact]
    public async Task Post_BetterAnswer_IsAPairToo()
    {
        await using (var server = await ServedModels.Start(models.Trained, Options))
        {
            using var client = Http.Client(server);
            await client.Answer(Body(), "feedback");
            Assert.True((bool)(await client.Answer(Body(chosen: "good answer"), "feedback"))["pair"]!);
        }

        // The complaint was there already, so it stands there once.
        Assert.Single(File.ReadAllLines(Rows));
        var view = new MLContext().Data.LoadFromChatJsonLines(Pairs);
        Assert.Equal(["RowId", "Prompt", "Chosen", "Rejected", "ChosenFinishReason"], view.Schema.Select(column => column.Name));
        Assert.Equal(["good answer"], view.GetColumn<string>("Chosen"));
        Assert.Equal(["length"], view.GetColumn<string>("ChosenFinishReason"));
    }

    [Fact]
    public async Task Post_FromManyAtOnce_LosesNoneAndKeepsEachOnce()
    {
        await using (var server = await ServedModels.Start(models.Trained, Options))
        {
            using var client = Http.Client(server);
            var answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => client.PostAsync("feedback", Http.Json(Body($"complaint {i % 100}")))));
            Assert.Equal((100, 100), (answers.Count(answer => answer.StatusCode == HttpStatusCode.Created), answers.Count(answer => answer.StatusCode == HttpStatusCode.OK)));
        }

        var rows = File.ReadLines(Rows).Select(line => JsonNode.Parse(line)!).ToList();
        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"complaint {i}").Order(), rows.Select(row => (string)row["user_preference"]!["content"]!).Order());
        Assert.Equal(100, rows.Select(row => (string)row["id"]!).Distinct().Count());
    }

    [Theory]
    [InlineData("""{"rejected": "a", "feedback": "b"}""", "messages")]
    [InlineData("""{"messages": [{"role": "user", "content": "q"}], "feedback": "b"}""", "rejected")]
    [InlineData("""{"messages": [{"role": "user", "content": "q"}], "rejected": "a", "feedback": "  "}""", "feedback")]
    [InlineData("""{"messages": [{"role": "user", "content": "q"}], "rejected": ["a"], "feedback": "b"}""", "rejected")]
    [InlineData("""{"messages": [{"role": "assistant", "content": "q"}], "rejected": "a", "feedback": "b"}""", "messages")]
    [InlineData("""{"messages": [{"role": "tool", "content": "q"}, {"role": "user", "content": "q"}], "rejected": "a", "feedback": "b"}""", "messages[0].role")]
    [InlineData("""{"messages": [{"role": "user", "content": "q"}], "rejected": "a", "feedback": "b", "chosen": "c", "chosen_finish_reason": "odd"}""", "chosen_finish_reason")]
    [InlineData("""{"messages": [{"role": "user", "content": "q"}], "rejected": "\ud800", "feedback": "b"}""", "rejected")]
    public async Task Post_WrongBody_IsRefusedAndWritesNothing(string body, string parameter)
    {
        await using var server = await ServedModels.Start(models.Trained, Options);
        using var client = Http.Client(server);

        using var response = await client.PostAsync("feedback", Http.Json(body));

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal(parameter, (string?)(await response.ReadJson())["error"]!["param"]);
        Assert.Equal(0, new FileInfo(Rows).Length);
    }

    [Fact]
    public async Task Post_ServerTakesNone_IsNotFound()
    {
        await using var server = await ServedModels.Start(models.Trained);
        using var client = Http.Client(server);

        Assert.Equal(HttpStatusCode.NotFound, (await client.PostAsync("feedback", Http.Json(Body()))).StatusCode);
    }

    [Theory]
    [InlineData("{\"id\":\"a\"}\n{\"id\":\"b\",\"pro", "{\"id\":\"a\"}\n")]
    [InlineData("{\"id\":\"a\"}\n{\"id\":\"b\"}", "{\"id\":\"a\"}\n{\"id\":\"b\"}\n")]
    [InlineData("\uFEFF{\"id\":\"é\"}\n{\"id\":", "\uFEFF{\"id\":\"é\"}\n")]
    [InlineData("{\"id", "")]
    [InlineData("", "")]
    public async Task Open_FileWithATornLastLine_IsMadeWhole(string before, string after)
    {
        await File.WriteAllTextAsync(Pairs, before);

        using (var lines = new AppendedLines(Pairs))
        {
            Assert.Equal(!before.Contains("\"a\""), await lines.Append("a", "{}"u8.ToArray()));
            Assert.True(await lines.Append("new", "{\"id\":\"new\"}"u8.ToArray()));
        }

        Assert.Equal(after + (before.Contains("\"a\"") ? "" : "{}\n") + "{\"id\":\"new\"}\n", System.Text.Encoding.UTF8.GetString(await File.ReadAllBytesAsync(Pairs)));
    }

    [Theory]
    [InlineData("name,value\n1,2\n")]
    [InlineData("some text")]
    [InlineData("{}\n[1]\n{}\n")]
    public async Task Open_FileOfAnotherKind_IsRefusedAndLeftAsItIs(string content)
    {
        await File.WriteAllTextAsync(Pairs, content);

        await Assert.ThrowsAsync<InvalidDataException>(() => ServedModels.Start(models.Trained, Options));

        Assert.Equal(content, await File.ReadAllTextAsync(Pairs));
    }

    [Fact]
    public async Task Start_FileOfAnotherServer_IsRefused()
    {
        await using var first = await ServedModels.Start(models.Trained, Options);

        await Assert.ThrowsAsync<IOException>(() => ServedModels.Start(models.Endless, Options));
    }

    [Fact]
    public async Task MapDriftServing_InAnApplicationOfOnesOwn_ServesUnderItsPrefix()
    {
        var builder = WebApplication.CreateBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddDriftServing(models.Trained, Options);
        await using var app = builder.Build();
        app.MapGroup("/assistant").MapDriftServing();
        app.MapGet("/", () => "my own page");
        await app.StartAsync();
        using var client = new HttpClient { BaseAddress = new Uri(app.Services.GetRequiredService<AspNetCore.Hosting.Server.IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()) };

        Assert.Equal("my own page", await client.GetStringAsync(""));
        Assert.Contains("<title>Chat</title>", await client.GetStringAsync("assistant"));
        Assert.Equal("cat pie", (string?)(await client.Answer(Http.Chat(more: "\"temperature\": 0"), "assistant/v1/chat/completions"))["choices"]![0]!["message"]!["content"]);
        await client.Answer(Body(), "assistant/feedback");
        Assert.Single(File.ReadAllLines(Rows));
    }

    private sealed class ReadRow
    {
        [ChatType]
        public IReadOnlyList<ChatMessage> Prompt { get; set; } = [];

        public string Rejected { get; set; } = "";

        public string Feedback { get; set; } = "";
    }
}
