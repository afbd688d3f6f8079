using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.ML.Drift.Serving.Hosting;

namespace Microsoft.ML.Drift.Serving.Feedback;

/// <summary><c>POST /feedback</c>: complaints become rows of a file, and better answers pairs of another.</summary>
internal sealed class FeedbackFiles : IDisposable
{
    private readonly DriftServingOptions _options;
    private readonly ILogger _logger;
    private readonly TimeProvider _clock;
    private readonly AppendedLines? _rows, _pairs;

    /// <exception cref="IOException">A file is held by another process, or cannot be written.</exception>
    /// <exception cref="InvalidDataException">A file holds something else than JSON Lines.</exception>
    public FeedbackFiles(DriftServingOptions options, ILogger<FeedbackFiles> logger, TimeProvider? clock = null)
    {
        (_options, _logger, _clock) = (options, logger, clock ?? TimeProvider.System);
        _rows = options.FeedbackPath is { } rows ? new(rows) : null;
        try
        {
            _pairs = options.SeedPairsPath is { } pairs ? new(pairs) : null;
        }
        catch
        {
            _rows?.Dispose();
            throw;
        }
    }

    public bool TakesComplaints => _rows is not null;

    public bool TakesPairs => _pairs is not null;

    /// <summary>Takes a complaint, or, with <c>chosen</c>, the pair that it led to. It is on the disk when the answer comes.</summary>
    public async Task Post(HttpContext context, JsonElement body)
    {
        var complaint = Complaint.Read(body);
        var time = _clock.GetUtcNow();
        var added = await _rows!.Append(complaint.Id, complaint.ToDsatRow(_options.ModelName, time));
        var pair = complaint.Chosen is not null && _pairs is not null;
        if (pair) added |= await _pairs!.Append(complaint.PairId, complaint.ToPair(_options.ModelName, time));
        _logger.LogInformation("{Id}: {Kind}, {Outcome}", complaint.Id, pair ? "complaint and pair" : "complaint", added ? "saved" : "was there already");
        context.Response.StatusCode = added ? StatusCodes.Status201Created : StatusCodes.Status200OK;
        await context.Response.SendJson(json =>
        {
            json.WriteStartObject();
            json.WriteString("id", complaint.Id);
            json.WriteBoolean("pair", pair);
            json.WriteEndObject();
        });
    }

    public void Dispose()
    {
        _rows?.Dispose();
        _pairs?.Dispose();
    }
}
