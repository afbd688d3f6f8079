using System.ClientModel;
using System.Net.Http.Json;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Serving;
using OpenAI;
using OpenAI.Chat;

namespace ComplaintCircle;

/// <summary>A served model, and a user who talks to it by OpenAI's client.</summary>
internal sealed class Chat : IAsyncDisposable
{
    private const int QuestionsAtOnce = 16;

    private readonly DriftServer _server;
    private readonly HttpClient _http;
    private readonly ChatClient _client;

    private Chat(DriftServer server)
    {
        _server = server;
        _http = new HttpClient { BaseAddress = server.Address };
        _client = new("drift", new ApiKeyCredential("none"), new OpenAIClientOptions { Endpoint = new Uri(server.Address, "v1") });
    }

    /// <param name="model">The model.</param>
    /// <param name="feedbackPath">Where complaints go; null: nobody may complain.</param>
    public static async Task<Chat> Start(CausalLM model, string? feedbackPath) =>
        new(await DriftServer.StartAsync(model, new() { FeedbackPath = feedbackPath, Batching = new() { BatchSize = QuestionsAtOnce } }, port: 0));

    /// <summary>Asks everything, greedily, at most 128 tokens an answer.</summary>
    public async Task<Answer[]> Ask(IReadOnlyList<Question> questions)
    {
        var answers = new Answer[questions.Count];
        await Parallel.ForAsync(0, questions.Count, new ParallelOptions { MaxDegreeOfParallelism = QuestionsAtOnce }, async (i, cancellation) =>
        {
            ChatCompletion completion = await _client.CompleteChatAsync(
                [new UserChatMessage(questions[i].Text)], new ChatCompletionOptions { Temperature = 0, MaxOutputTokenCount = 128 }, cancellation);
            answers[i] = new(questions[i], completion.Content[0].Text, completion.FinishReason == ChatFinishReason.Stop, completion.Usage.OutputTokenCount);
        });
        return answers;
    }

    /// <summary>Marks an answer as bad, as the chat page does.</summary>
    public async Task Complain(Answer answer)
    {
        object message = new { role = "user", content = answer.Question.Text };
        var response = await _http.PostAsJsonAsync("feedback", new { messages = new[] { message }, rejected = answer.Text, feedback = answer.Complaint });
        response.EnsureSuccessStatusCode();
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _server.DisposeAsync();
    }
}
