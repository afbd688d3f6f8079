using Microsoft.Extensions.Logging;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Drift;

/// <summary>Brings the log of an <see cref="MLContext"/> to where the rest of an application logs.</summary>
public static class DriftLogging
{
    /// <summary>
    /// Passes everything the context logs on to a logger: what ML.NET says, and what this library does (an information where an activity of a run begins and ends, a trace
    /// for every optimizer step).
    /// </summary>
    /// <remarks>Levels: error → <see cref="LogLevel.Error"/>, warning → <see cref="LogLevel.Warning"/>, information → <see cref="LogLevel.Information"/>, trace → <see cref="LogLevel.Debug"/>.</remarks>
    /// <param name="context">The context.</param>
    /// <param name="logger">The logger; levels it has switched off cost nothing but the context's own message.</param>
    /// <returns>Dispose of it to stop passing messages on.</returns>
    public static IDisposable LogTo(this MLContext context, ILogger logger)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(logger);
        context.Log += Pass;
        return new Subscription(() => context.Log -= Pass);

        void Pass(object? sender, LoggingEventArgs message)
        {
            var level = message.Kind switch
            {
                ChannelMessageKind.Error => LogLevel.Error,
                ChannelMessageKind.Warning => LogLevel.Warning,
                ChannelMessageKind.Info => LogLevel.Information,
                _ => LogLevel.Debug,
            };
            if (logger.IsEnabled(level)) logger.Log(level, "{Source}: {Message}", message.Source, message.RawMessage);
        }
    }

    private sealed class Subscription(Action end) : IDisposable
    {
        private Action? _end = end;

        public void Dispose() => Interlocked.Exchange(ref _end, null)?.Invoke();
    }
}
