using System.Net;

namespace Microsoft.ML.Drift.Evaluation.Judging;

/// <summary>An endpoint refused a request, or answered with something that is not the protocol.</summary>
public sealed class ChatEndpointException : HttpRequestException
{
    internal ChatEndpointException(string message, HttpStatusCode? status, TimeSpan? retryAfter = null, Exception? inner = null) : base(message, inner, status) => RetryAfter = retryAfter;

    /// <summary>How long the endpoint asks to wait; null if it does not say.</summary>
    public TimeSpan? RetryAfter { get; }
}
