using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Microsoft.ML.Drift.Tool;

/// <summary>The server's log on standard error, a line for each entry: our own from Information on, ASP.NET Core's from Warning on.</summary>
internal sealed class StandardErrorLog : ILoggerProvider
{
    public ILogger CreateLogger(string categoryName) =>
        new Lines(categoryName.StartsWith("Microsoft.ML.Drift", StringComparison.Ordinal) ? LogLevel.Information : LogLevel.Warning);

    public void Dispose() { }

    private sealed class Lines(LogLevel least) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel level) => level >= least && level != LogLevel.None;

        public void Log<TState>(LogLevel level, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(level)) return;
            var time = DateTime.Now.ToString("HH:mm:ss", CultureInfo.InvariantCulture);
            Console.Error.WriteLine($"{time} {(level > LogLevel.Information ? $"{level}: " : "")}{formatter(state, exception)}{(exception is null ? "" : $"{Environment.NewLine}{exception}")}");
        }
    }
}
