// What docs/serving.md shows, compiled. DocumentationTests holds each block against its page; SnippetTests runs them.
using System.ClientModel;
using Microsoft.AspNetCore.Builder;
using Microsoft.ML.Drift.Models;
using OpenAI;
using OpenAI.Chat;

namespace Microsoft.ML.Drift.Serving.Tests;

internal static class Snippets
{
    public static WebApplication OwnApplication(string[] args, CausalLM model)
    {
        // snippet: own-application
        var builder = WebApplication.CreateBuilder(args);
        builder.Services.AddDriftServing(model, new() { FeedbackPath = "dsat.jsonl" });
        var app = builder.Build();
        app.MapGroup("/assistant").MapDriftServing();
        // end snippet
        return app;
    }

    public static async Task OpenAIClient(string address)
    {
        // snippet: openai-client
        var client = new ChatClient("drift", new ApiKeyCredential("none"), new OpenAIClientOptions { Endpoint = new Uri($"{address}/v1") });
        await foreach (var update in client.CompleteChatStreamingAsync([new UserChatMessage("sort pie cat")]))
            foreach (var part in update.ContentUpdate) Console.Write(part.Text);
        // end snippet
    }

    public static async Task Server()
    {
        // snippet: server
        using var model = CausalLM.Load("model-folder");
        await using var server = await DriftServer.StartAsync(model, new() { ApiKey = Environment.GetEnvironmentVariable("CHAT_KEY") }, port: 0);
        Console.WriteLine(server.Address);
        // end snippet
    }
}
