using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;

namespace Microsoft.ML.Drift.Evaluation.Reports;

/// <summary>
/// All rows as the JSON that the page's table is made of. Long messages are cut, the same limit for all of them, until the whole fits: a report stays a file that a
/// browser opens at once.
/// </summary>
internal sealed class PairsData
{
    private const long TextBudget = 20_000_000;
    private const int BytesOfMessage = 16;
    private const int MostSamples = 60_000;
    private const int LongestId = 200;
    private static readonly int[] Limits = [100_000, 40_000, 16_000, 8000, 4000, 2000, 1000, 500, 200, 80];

    // Nothing that could end a script element or start markup is left unescaped.
    private static readonly JsonWriterOptions Json = new() { Encoder = JavaScriptEncoder.Create(UnicodeRanges.All) };

    private readonly ReportModel _model;

    public PairsData(ReportModel model)
    {
        _model = model;
        Samples = model.Samples.Count <= MostSamples ? model.Samples : [.. model.Samples.Take(MostSamples)];
        while (!Fits(Limits[^1]) && Samples.Count > 1) Samples = [.. Samples.Take(Samples.Count / 2)];
        Limit = Limits.FirstOrDefault(Fits, Limits[^1]);
    }

    /// <summary>The samples that are in the data.</summary>
    public IReadOnlyList<ReportSample> Samples { get; }

    /// <summary>The longest message, in UTF-16 units.</summary>
    public int Limit { get; }

    /// <summary>Whether any message was cut.</summary>
    public bool IsCut => Rows().SelectMany(Texts).Concat(Samples.Select(sample => sample.Chosen).OfType<string>()).Any(text => text.Length > Limit);

    public string ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>(1 << 20);
        using (var json = new Utf8JsonWriter(buffer, Json))
        {
            json.WriteStartObject();
            WriteStages(json);
            var numbers = WriteRows(json);
            json.WriteStartArray("samples");
            foreach (var sample in Samples) WriteSample(json, sample, numbers[sample.Row]);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private void WriteStages(Utf8JsonWriter json)
    {
        json.WriteStartArray("stages");
        foreach (var stage in _model.Stages)
        {
            json.WriteStartObject();
            json.WriteString("name", stage.Name);
            json.WriteString("title", Words.Stage(stage.Name));
            json.WriteStartObject("sampler");
            foreach (var name in new[] { "seed", "iteration", "mode", "temperature", "top-p", "max new tokens" })
                if (stage.SamplerSettings.TryGetValue(name, out var value)) json.WriteString(name, value);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartObject("verdicts");
        foreach (var reason in Samples.Select(sample => sample.Dropped).OfType<string>().Distinct()) json.WriteString(WellFormed.Of(reason), WellFormed.Of(Words.Verdict(reason)));
        json.WriteEndObject();
    }

    /// <summary>Writes the rows that samples name, and gives their numbers in the data.</summary>
    private Dictionary<int, int> WriteRows(Utf8JsonWriter json)
    {
        var numbers = new Dictionary<int, int>();
        foreach (var sample in Samples) numbers.TryAdd(sample.Row, numbers.Count);
        json.WriteStartArray("rows");
        foreach (var number in numbers.Keys)
        {
            var row = _model.Rows[number];
            json.WriteStartObject();
            json.WriteString("id", WellFormed.Of(PairText.Cut(row.Id, LongestId)));
            json.WriteStartArray("prompt");
            foreach (var message in row.Prompt)
            {
                json.WriteStartArray();
                json.WriteStringValue(WellFormed.Of(PairText.Cut(message.Role, LongestId)));
                WriteText(json, message.Text);
                json.WriteEndArray();
            }
            json.WriteEndArray();
            WriteText(json, "rejected", row.Rejected);
            WriteText(json, "complaint", row.Complaint);
            var margins = _model.Stages.Where(stage => stage.HeldOutScores.ContainsKey(row.Id)).ToList();
            if (margins.Count > 0)
            {
                json.WriteStartObject("margins");
                foreach (var stage in margins) WriteNumber(json, Words.Stage(stage.Name), stage.HeldOutScores[row.Id].Margin);
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        json.WriteEndArray();
        return numbers;
    }

    private void WriteSample(Utf8JsonWriter json, ReportSample sample, int row)
    {
        json.WriteStartObject();
        json.WriteNumber("r", row);
        json.WriteNumber("s", sample.Stage);
        if (sample.IsHeldOut) json.WriteNumber("h", 1);
        if (sample.Dropped is not null) json.WriteString("d", WellFormed.Of(sample.Dropped));
        WriteText(json, "c", sample.Chosen);
        if (sample.FinishReason is not null) json.WriteString("f", WellFormed.Of(sample.FinishReason));
        if (sample.Samples > 0) json.WriteNumber("n", sample.Samples);
        if (sample.NewTokens > 0) json.WriteNumber("t", sample.NewTokens);
        if (sample.PromptTokens > 0) json.WriteNumber("p", sample.PromptTokens);
        if (sample.TokensCut > 0)
        {
            json.WriteStartArray("x");
            json.WriteNumberValue(sample.TokensCut);
            json.WriteNumberValue(sample.MessagesDropped);
            json.WriteNumberValue(sample.MessagesShortened);
            json.WriteEndArray();
        }
        if (sample.Hazards.Count > 0)
        {
            json.WriteStartArray("z");
            foreach (var hazard in sample.Hazards) json.WriteStringValue(WellFormed.Of(Words.Hazard(hazard)));
            json.WriteEndArray();
        }
        if (sample.Figures is { } figures)
        {
            WriteNumber(json, "m", figures.Margin);
            WriteNumber(json, "dc", figures.DeltaChosen);
            WriteNumber(json, "dr", figures.DeltaRejected);
            json.WriteNumber("tc", figures.ChosenTokens);
            json.WriteNumber("tr", figures.RejectedTokens);
        }
        json.WriteEndObject();
    }

    private void WriteText(Utf8JsonWriter json, string name, string? text)
    {
        if (text is null) return;
        json.WritePropertyName(name);
        WriteText(json, text);
    }

    /// <summary>A text, or, where it was cut, its beginning and the number of characters left out.</summary>
    private void WriteText(Utf8JsonWriter json, string text)
    {
        var shown = PairText.Cut(text, Limit);
        if (shown.Length == text.Length)
        {
            json.WriteStringValue(WellFormed.Of(text));
            return;
        }
        json.WriteStartArray();
        json.WriteStringValue(WellFormed.Of(shown));
        json.WriteNumberValue(text.Length - shown.Length);
        json.WriteEndArray();
    }

    private static void WriteNumber(Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value)) json.WriteNumber(name, Math.Round(value, 6));
    }

    private bool Fits(int limit)
    {
        long bytes = 0;
        foreach (var text in Rows().SelectMany(Texts).Concat(Samples.Select(sample => sample.Chosen).OfType<string>()))
        {
            bytes += BytesOfMessage + Encoded(text.AsSpan(0, Math.Min(limit, text.Length)));
            if (bytes > TextBudget) return false;
        }
        return true;
    }

    private IEnumerable<ReportRow> Rows() => Samples.Select(sample => sample.Row).Distinct().Select(row => _model.Rows[row]);

    private static IEnumerable<string> Texts(ReportRow row) => row.Prompt.Select(message => message.Text).Append(row.Rejected).Append(row.Complaint).OfType<string>();

    /// <summary>Bytes in the file, at most: UTF-8, and an escape of six characters where JSON or HTML need one.</summary>
    private static long Encoded(ReadOnlySpan<char> text)
    {
        long bytes = 0;
        foreach (var symbol in text) bytes += symbol is < ' ' or '<' or '>' or '&' or '\'' or '"' or '+' or '`' or '\\' or '\u007f' || char.IsSurrogate(symbol) ? 6 : symbol < 0x80 ? 1 : symbol < 0x800 ? 2 : 6;
        return bytes;
    }
}
