namespace Microsoft.ML.Drift.Serving.Tests;

/// <summary>The page's code runs. It names files without a folder, which are made in the tests' working folder and removed again.</summary>
public sealed class SnippetTests(ServedModels models) : IClassFixture<ServedModels>, IDisposable
{
    public void Dispose()
    {
        foreach (var file in new[] { "dsat.jsonl", "dsat.jsonl.lock" }) File.Delete(file);
        if (Directory.Exists("model-folder")) Directory.Delete("model-folder", recursive: true);
    }

    [Fact]
    public async Task Serving_Examples_Run()
    {
        models.Trained.Save("model-folder");
        await Snippets.Server();

        await using var app = Snippets.OwnApplication(["--urls", "http://127.0.0.1:0"], models.Trained);
        await app.StartAsync();
        var output = Console.Out;
        using var written = new StringWriter();
        Console.SetOut(written);
        try
        {
            await Snippets.OpenAIClient($"{app.Urls.First()}/assistant");
        }
        finally
        {
            Console.SetOut(output);
        }

        Assert.NotEmpty(written.ToString());
        Assert.True(File.Exists("dsat.jsonl"));
    }
}
