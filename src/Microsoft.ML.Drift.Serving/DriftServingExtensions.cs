using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Serving.Answering;
using Microsoft.ML.Drift.Serving.Feedback;
using Microsoft.ML.Drift.Serving.Hosting;

namespace Microsoft.ML.Drift.Serving;

/// <summary>Puts a model into an ASP.NET Core application.</summary>
public static class DriftServingExtensions
{
    private const string LogCategory = "Microsoft.ML.Drift.Serving";

    /// <summary>Registers the services that answer with a model; <see cref="MapDriftServing"/> maps their endpoints. One model for an application.</summary>
    /// <param name="services">The application's services.</param>
    /// <param name="model">
    /// The model. It stays the caller's, and must live longer than the application; nothing else may use its weights meanwhile.
    /// </param>
    /// <param name="options">Names and limits; null for the defaults.</param>
    /// <returns><paramref name="services"/>.</returns>
    /// <exception cref="ArgumentException">The options have problems, all of which the message lists; or the model has no tokenizer.</exception>
    public static IServiceCollection AddDriftServing(this IServiceCollection services, CausalLM model, DriftServingOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(model);
        options ??= new();
        options.Validate();
        if (model.Tokenizer is null) throw new ArgumentException("The model has no tokenizer (its folder has no tokenizer.json), so it can neither read nor write text and cannot be served.", nameof(model));
        var problems = options.Generation.ProblemsWith(model.Decoder).ToList();
        if (problems.Count > 0) throw new ArgumentException($"{nameof(DriftServingOptions)}: {string.Join(" ", problems)}", nameof(options));
        services.AddSingleton(options);
        services.AddSingleton(_ => new AnswerService(model, options));
        services.AddSingleton(provider => new FeedbackFiles(options, provider.GetRequiredService<ILogger<FeedbackFiles>>(), provider.GetService<TimeProvider>()));
        return services;
    }

    /// <summary>
    /// Maps <c>v1/chat/completions</c>, <c>v1/completions</c>, <c>v1/models</c>, <c>health</c>, <c>health/live</c>, <c>health/ready</c>, the chat page at the root
    /// of <paramref name="endpoints"/> and, if the options name a file for it, <c>feedback</c>.
    /// </summary>
    /// <param name="endpoints">The application, or a group of routes (<c>app.MapGroup("/assistant")</c>).</param>
    /// <returns>The endpoints, for conventions of the application's own, such as authorization.</returns>
    /// <exception cref="InvalidOperationException"><see cref="AddDriftServing"/> was not called.</exception>
    /// <exception cref="IOException">A feedback file is held by another process, or cannot be written.</exception>
    /// <exception cref="InvalidDataException">A feedback file holds something else than JSON Lines.</exception>
    public static IEndpointConventionBuilder MapDriftServing(this IEndpointRouteBuilder endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        var services = endpoints.ServiceProvider;
        var answers = services.GetService<AnswerService>() ?? throw new InvalidOperationException("Call services.AddDriftServing(model) before mapping its endpoints.");
        var options = services.GetRequiredService<DriftServingOptions>();
        var lifetime = services.GetRequiredService<IHostApplicationLifetime>();
        var logger = services.GetRequiredService<ILoggerFactory>().CreateLogger(LogCategory);
        var guard = new RequestGuard(options, lifetime, logger);

        var group = endpoints.MapGroup("");
        MapApi(group, guard, new CompletionEndpoint(answers, options, logger), new StatusEndpoints(answers, options, lifetime));
        MapPage(group, guard, options, services.GetRequiredService<FeedbackFiles>());
        return group;
    }

    private static void MapApi(RouteGroupBuilder group, RequestGuard guard, CompletionEndpoint completions, StatusEndpoints status)
    {
        group.MapPost("/v1/chat/completions", guard.GuardedBody(completions.Chat));
        group.MapPost("/v1/completions", guard.GuardedBody(completions.Completion));
        group.MapGet("/v1/models", guard.Guarded(status.Models));
        group.MapGet("/v1/models/{**model}", guard.Guarded(status.Model));
        group.MapMethods("/v1/{**path}", [HttpMethods.Options], guard.Preflight);
        group.MapGet("/health", status.Ready);
        group.MapGet("/health/ready", status.Ready);
        group.MapGet("/health/live", status.Live);
    }

    private static void MapPage(RouteGroupBuilder group, RequestGuard guard, DriftServingOptions options, FeedbackFiles feedback)
    {
        var page = new ChatPage(options, feedback);
        group.MapGet("/", ChatPage.Html);
        group.MapGet("/chat.css", ChatPage.File("chat.css", "text/css; charset=utf-8"));
        group.MapGet("/chat.js", ChatPage.File("chat.js", "text/javascript; charset=utf-8"));
        group.MapGet("/chat.json", page.Settings);
        if (feedback.TakesComplaints) group.MapPost("/feedback", guard.GuardedBody(feedback.Post));
    }
}
