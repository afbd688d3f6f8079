using System.Text.Json;

namespace Microsoft.ML.Drift.Evaluation.Reports;

/// <summary>Everything a report shows, as it was read.</summary>
internal sealed record ReportModel
{
    public required string Folder { get; init; }

    /// <summary>False for the output of <c>drift train</c>, which has metrics and nothing else.</summary>
    public required bool IsRun { get; init; }

    /// <summary>Settings by their dotted names, in file order; empty where there is no <c>run.json</c>.</summary>
    public IReadOnlyList<(string Name, string Value)> Settings { get; init; } = [];

    /// <summary>SHA-256 of data and model, by role.</summary>
    public IReadOnlyList<(string Name, string Value)> Fingerprints { get; init; } = [];

    public required IReadOnlyList<ReportStage> Stages { get; init; }

    /// <summary>The complaints, in the order they were first met.</summary>
    public required IReadOnlyList<ReportRow> Rows { get; init; }

    /// <summary>What was sampled for them, or given, stage by stage.</summary>
    public required IReadOnlyList<ReportSample> Samples { get; init; }

    /// <summary>Greedy answers of the model before and after.</summary>
    public IReadOnlyList<ReportAnswer> Answers { get; init; } = [];

    /// <summary>What is missing or could not be read, in words.</summary>
    public required IReadOnlyList<string> Notices { get; init; }

    /// <summary>Whether everything that was planned is there.</summary>
    public required bool IsComplete { get; init; }

    public string? Setting(string name) => Settings.FirstOrDefault(setting => setting.Name == name).Value;

    /// <summary>The stage the run's result comes from, as far as the run has come; null where no stage is finished.</summary>
    public ReportStage? Selected
    {
        get
        {
            var finished = Stages.Where(stage => stage.IsFinished).ToList();
            return Setting("Selection") == "BestHeldOutMargin" ? finished.MaxBy(stage => stage.HeldOutMargin ?? double.NegativeInfinity) : finished.LastOrDefault();
        }
    }
}

/// <summary>A stage: <c>seed</c>, <c>iter1</c> …; of a plain training the one and only, without a name.</summary>
internal sealed record ReportStage
{
    public required string Name { get; init; }

    public required bool IsFinished { get; init; }

    public int? TrainingPairs { get; init; }

    public IReadOnlyList<ReportRecord> Records { get; init; } = [];

    public IEnumerable<ReportRecord> Steps => Records.Where(record => !record.IsEvaluation);

    /// <summary>The figures of <c>stage.json</c>; null where there are none.</summary>
    public double? HeldOutMargin { get; init; }

    public double? HeldOutAccuracy { get; init; }

    public double? HeldOutDeltaChosen { get; init; }

    public double? HeldOutDeltaRejected { get; init; }

    /// <summary>Scores of the held-out pairs with the stage's model, by row id.</summary>
    public IReadOnlyDictionary<string, PairFigures> HeldOutScores { get; init; } = new Dictionary<string, PairFigures>();

    /// <summary>Lines of the sampler's summary.</summary>
    public IReadOnlyList<(string Name, string Value)> Sampling { get; init; } = [];

    /// <summary>The journal's settings: what decided the samples.</summary>
    public IReadOnlyDictionary<string, string> SamplerSettings { get; init; } = new Dictionary<string, string>();

    /// <summary>What the limits of length did to the training pairs: name, rows, tokens (null where rows were dropped).</summary>
    public IReadOnlyList<(string Name, long Rows, long? Tokens)> Cuts { get; init; } = [];

    public IReadOnlyList<(string Name, double Seconds)> Times { get; init; } = [];
}

/// <summary>A line of metrics.</summary>
internal sealed record ReportRecord(int Step, double Epoch, bool IsEvaluation, IReadOnlyDictionary<string, double> Metrics);

/// <summary>A message of a conversation.</summary>
internal readonly record struct ReportMessage(string Role, string Text);

/// <summary>A complaint: the conversation, the answer that was bad, what the user said.</summary>
internal sealed record ReportRow
{
    public required string Id { get; init; }

    public bool IsHeldOut { get; init; }

    public IReadOnlyList<ReportMessage> Prompt { get; init; } = [];

    public string? Rejected { get; init; }

    public string? Complaint { get; init; }
}

/// <summary>What came of a complaint in a stage.</summary>
internal sealed record ReportSample
{
    public required int Row { get; init; }

    public required int Stage { get; init; }

    public bool IsHeldOut { get; init; }

    /// <summary>Why there is no pair, as the journal says; null for a pair.</summary>
    public string? Dropped { get; init; }

    public string? Chosen { get; init; }

    /// <summary><c>stop</c>, <c>length</c>, or null where nothing was sampled.</summary>
    public string? FinishReason { get; init; }

    /// <summary>Samples drawn; 0 for a pair that was given.</summary>
    public int Samples { get; init; }

    public int NewTokens { get; init; }

    public int PromptTokens { get; init; }

    public int TokensCut { get; init; }

    public int MessagesDropped { get; init; }

    public int MessagesShortened { get; init; }

    public IReadOnlyList<string> Hazards { get; init; } = [];

    /// <summary>What the pair scored: a training pair just before its step, a held-out pair with the newest model that was measured.</summary>
    public PairFigures? Figures { get; init; }
}

/// <summary>What a pair scored.</summary>
internal readonly record struct PairFigures(double Margin, double DeltaChosen, double DeltaRejected, int ChosenTokens, int RejectedTokens)
{
    public static PairFigures? Of(JsonElement line)
    {
        double Number(string name) => LenientJson.Number(line, name) ?? double.NaN;
        return LenientJson.Number(line, "margin") is null ? null : new(
            Number("margin"), Number("logps/chosen") - Number("ref_logps/chosen"), Number("logps/rejected") - Number("ref_logps/rejected"),
            (int)(LenientJson.Number(line, "tokens/chosen") ?? 0), (int)(LenientJson.Number(line, "tokens/rejected") ?? 0));
    }
}

/// <summary>What the model says to a held-out prompt, without any complaint, before the run and after it.</summary>
internal sealed record ReportAnswer(int Row, string Before, string After);
