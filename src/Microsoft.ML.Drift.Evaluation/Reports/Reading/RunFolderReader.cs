using System.Globalization;
using System.Text.Json;

namespace Microsoft.ML.Drift.Evaluation.Reports;

/// <summary>Reads a run folder, or the output of a training, as far as it has come.</summary>
internal sealed class RunFolderReader
{
    private const string Iterations = "NumberOfIterations";

    private readonly string _folder;
    private readonly List<string> _notices = [];
    private readonly List<ReportRow> _rows = [];
    private readonly Dictionary<string, int> _rowNumbers = new(StringComparer.Ordinal);
    private readonly List<ReportStage> _stages = [];
    private readonly List<ReportSample> _samples = [];

    private RunFolderReader(string folder) => _folder = folder;

    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">The folder is neither a run nor a training's output.</exception>
    public static ReportModel Read(string folder)
    {
        folder = Path.GetFullPath(folder);
        if (!Directory.Exists(folder)) throw new DirectoryNotFoundException($"{folder}: there is no such folder. Name one that drift run or drift train wrote.");
        var reader = new RunFolderReader(folder);
        var identity = reader.Identity();
        var settings = identity is { } found && LenientJson.Field(found, "settings") is { ValueKind: JsonValueKind.Object } named ? LenientJson.Flatten(named).ToList() : [];
        var isTraining = File.Exists(reader.In("metrics.jsonl"));
        // A training keeps a run.json as well; iterations are what only a run has.
        if (identity is not null && (!isTraining || settings.Any(setting => setting.Name == Iterations))) return reader.ReadRun(identity.Value, settings);
        if (isTraining) return reader.ReadTraining(identity, settings);
        throw new InvalidDataException($"{folder}: this folder holds neither run.json (drift run writes it) nor metrics.jsonl (drift train does). Name the folder that was given as --output.");
    }

    private JsonElement? Identity()
    {
        var path = In("run.json");
        if (!File.Exists(path)) return null;
        return LenientJson.Whole(path) ?? throw new InvalidDataException($"{path}: this is not a JSON object. The run folder is damaged; run the same command again.");
    }

    private ReportModel ReadTraining(JsonElement? identity, List<(string Name, string Value)> settings)
    {
        var finished = File.Exists(In("config.json"));
        if (!finished) _notices.Add("The folder holds no model: the training is not finished, or its model was saved elsewhere.");
        _stages.Add(new ReportStage { Name = "training", IsFinished = finished, Records = Metrics(In("metrics.jsonl")) });
        return Model(isRun: false, isComplete: finished) with { Settings = settings, Fingerprints = identity is { } known ? [.. Fingerprints(known)] : [] };
    }

    private ReportModel ReadRun(JsonElement identity, List<(string Name, string Value)> settings)
    {
        ReadRows("rows.train.jsonl", heldOut: false);
        ReadRows("rows.test.jsonl", heldOut: true);
        var names = Directory.GetDirectories(_folder).Select(path => Path.GetFileName(path)!).Where(IsStage).OrderBy(Order).ToList();
        foreach (var name in names) ReadStage(name);
        AttachHeldOutScores();
        var answers = ReadAnswers();
        var isComplete = Completeness(settings);
        return Model(isRun: true, isComplete) with
        {
            Settings = settings,
            Fingerprints = [.. Fingerprints(identity)],
            Answers = answers,
        };
    }

    private ReportModel Model(bool isRun, bool isComplete) => new()
    {
        Folder = _folder,
        IsRun = isRun,
        Stages = _stages,
        Rows = _rows,
        Samples = _samples,
        Notices = _notices,
        IsComplete = isComplete,
    };

    private bool Completeness(List<(string Name, string Value)> settings)
    {
        var planned = int.TryParse(settings.FirstOrDefault(setting => setting.Name == Iterations).Value, out var number) ? number : 0;
        var finished = _stages.Count(stage => stage.IsFinished && stage.Name != "seed");
        if (finished >= planned && _stages.All(stage => stage.IsFinished)) return true;
        var begun = _stages.FirstOrDefault(stage => !stage.IsFinished);
        _notices.Insert(0, $"The run is not finished: {finished} of {planned} iterations are done{(begun is null ? "" : $", {begun.Name} has begun")}. This report shows what is there; running the same command again continues the run.");
        return false;
    }

    private void ReadRows(string file, bool heldOut)
    {
        foreach (var line in Lines(file))
            RowOf(line, heldOut, LenientJson.Answer(line, "user_preference"));
    }

    private void ReadStage(string name)
    {
        string At(string file) => In(Path.Combine(name, file));
        var summary = LenientJson.Whole(At("stage.json"));
        var heldOut = summary is { } stage ? LenientJson.Field(stage, "held_out") : null;
        double? HeldOut(string figure) => heldOut is { } figures ? LenientJson.Number(figures, figure) : null;
        var index = _stages.Count;
        var settings = ReadJournal(name, "samples.jsonl", "scores.train.jsonl", "pairs.train.jsonl", index, heldOut: false);
        ReadJournal(name, "samples.test.jsonl", null, "pairs.test.jsonl", index, heldOut: true);
        _stages.Add(new ReportStage
        {
            Name = name,
            IsFinished = Directory.Exists(At("model")),
            TrainingPairs = summary is { } counts && LenientJson.Number(counts, "training_pairs") is { } pairs ? (int)pairs : null,
            Records = Metrics(At("metrics.jsonl")),
            HeldOutMargin = HeldOut("Margin"),
            HeldOutAccuracy = HeldOut("Accuracy"),
            HeldOutDeltaChosen = HeldOut("DeltaLogProbsChosen"),
            HeldOutDeltaRejected = HeldOut("DeltaLogProbsRejected"),
            HeldOutScores = Scores(Path.Combine(name, "scores.test.jsonl")),
            Sampling = summary is { } whole && LenientJson.Field(whole, "sampling") is { } sampling ? [.. LenientJson.Flatten(sampling)] : [],
            SamplerSettings = settings,
            Cuts = [.. Cuts(LenientJson.Whole(At("tokenization.json")))],
            Times = summary is { } timed && LenientJson.Field(timed, "seconds") is { } seconds
                ? [.. seconds.EnumerateObject().Select(part => (part.Name, LenientJson.Number(seconds, part.Name) ?? 0))]
                : [],
        });
    }

    /// <summary>What a stage sampled; where it sampled nothing (the seed stage), the pairs it was given. Gives the sampler's settings.</summary>
    private Dictionary<string, string> ReadJournal(string stage, string journal, string? scores, string pairs, int index, bool heldOut)
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal);
        var figures = scores is null ? new Dictionary<string, PairFigures>() : Scores(Path.Combine(stage, scores));
        // A run of an older version keeps no complaints: its pairs tell the conversations at least.
        var missing = _rows.Count == 0 || !File.Exists(In(Path.Combine(stage, journal)));
        var given = missing ? Lines(Path.Combine(stage, pairs)).ToDictionaryByLast(line => LenientJson.Text(line, "id") ?? "") : [];
        if (!File.Exists(In(Path.Combine(stage, journal))))
        {
            foreach (var (id, line) in given)
                _samples.Add(new ReportSample { Row = RowOf(line, heldOut, null), Stage = index, IsHeldOut = heldOut, Chosen = LenientJson.Answer(line, "chosen"), Figures = Figures(figures, id) });
            return settings;
        }
        foreach (var line in Lines(Path.Combine(stage, journal)))
        {
            if (LenientJson.Field(line, "Settings") is { ValueKind: JsonValueKind.Object } header)
            {
                foreach (var (name, value) in LenientJson.Flatten(header)) settings[name] = value;
                continue;
            }
            if (LenientJson.Text(line, "RowId") is not { } id) continue;
            var row = given.TryGetValue(id, out var pair) ? RowOf(pair, heldOut, null) : RowNumber(id, () => new ReportRow { Id = id, IsHeldOut = heldOut });
            _samples.Add(Sample(line, row, index, heldOut) with { Figures = Figures(figures, id) });
        }
        return settings;
    }

    private static ReportSample Sample(JsonElement line, int row, int stage, bool heldOut)
    {
        var cut = LenientJson.Field(line, "Cut");
        int Cut(string name) => cut is { } cuts ? LenientJson.Integer(cuts, name) : 0;
        return new ReportSample
        {
            Row = row,
            Stage = stage,
            IsHeldOut = heldOut,
            Dropped = LenientJson.Text(line, "Dropped"),
            Chosen = LenientJson.Text(line, "Chosen"),
            FinishReason = LenientJson.Text(line, "FinishReason")?.ToLowerInvariant(),
            Samples = LenientJson.Integer(line, "Samples"),
            NewTokens = LenientJson.Integer(line, "NewTokens"),
            PromptTokens = LenientJson.Integer(line, "PromptTokens"),
            TokensCut = Cut("Tokens"),
            MessagesDropped = Cut("MessagesDropped"),
            MessagesShortened = Cut("MessagesShortened"),
            Hazards = LenientJson.Field(line, "Hazards") is { ValueKind: JsonValueKind.Array } hazards ? [.. hazards.EnumerateArray().Where(hazard => hazard.ValueKind == JsonValueKind.String).Select(LenientJson.Text)] : [],
        };
    }

    /// <summary>The held-out pairs are those of the first iteration that sampled any; they show what the newest measured model thinks of them.</summary>
    private void AttachHeldOutScores()
    {
        if (_stages.LastOrDefault(stage => stage.HeldOutScores.Count > 0) is not { } newest) return;
        var first = _samples.FirstOrDefault(sample => sample.IsHeldOut)?.Stage;
        for (var i = 0; i < _samples.Count; i++)
        {
            if (_samples[i].IsHeldOut && _samples[i].Stage == first && newest.HeldOutScores.TryGetValue(_rows[_samples[i].Row].Id, out var figures))
                _samples[i] = _samples[i] with { Figures = figures };
        }
    }

    private List<ReportAnswer> ReadAnswers() =>
        [.. Lines("answers.jsonl").Where(line => _rowNumbers.ContainsKey(LenientJson.Text(line, "id") ?? ""))
            .Select(line => new ReportAnswer(_rowNumbers[LenientJson.Text(line, "id")!], LenientJson.Text(line, "before") ?? "", LenientJson.Text(line, "after") ?? ""))];

    private Dictionary<string, PairFigures> Scores(string file)
    {
        var scores = new Dictionary<string, PairFigures>(StringComparer.Ordinal);
        foreach (var line in Lines(file))
            if (LenientJson.Text(line, "id") is { } id && PairFigures.Of(line) is { } figures) scores[id] = figures;
        return scores;
    }

    private List<ReportRecord> Metrics(string path)
    {
        var records = new List<ReportRecord>();
        foreach (var line in LenientJson.Lines(path, bad => Bad(path, bad)))
        {
            var metrics = new OrderedDictionary<string, double>();
            foreach (var field in line.EnumerateObject())
                if (field.Name is not ("step" or "epoch") && LenientJson.Number(line, field.Name) is { } value) metrics[field.Name] = value;
            records.Add(new ReportRecord(LenientJson.Integer(line, "step"), LenientJson.Number(line, "epoch") ?? 0, metrics.Keys.Any(name => name.StartsWith("eval_", StringComparison.Ordinal)), metrics));
        }
        return records;
    }

    private static IEnumerable<(string Name, long Rows, long? Tokens)> Cuts(JsonElement? summary)
    {
        if (summary is not { } counts) yield break;
        if (LenientJson.Field(counts, "RowsDropped") is { ValueKind: JsonValueKind.Object } dropped)
            foreach (var reason in dropped.EnumerateObject())
                yield return ($"pairs dropped: {reason.Name}", LenientJson.Integer(dropped, reason.Name), null);
        foreach (var (field, words) in new[]
        {
            ("CutByMaxPromptLength", "prompts cut to the longest prompt"), ("CutByMaxCompletionLength", "answers cut to the longest answer"),
            ("PromptCutByMaxLength", "prompts cut to the longest sequence"), ("CompletionCutByMaxLength", "answers cut to the longest sequence"),
        })
            if (LenientJson.Field(counts, field) is { } cut) yield return (words, LenientJson.Integer(cut, "Rows"), LenientJson.Integer(cut, "Tokens"));
    }

    private static IEnumerable<(string, string)> Fingerprints(JsonElement identity)
    {
        if (LenientJson.Field(identity, "data") is { ValueKind: JsonValueKind.Object } data)
            foreach (var (name, value) in LenientJson.Flatten(data)) yield return (name, value);
        if (LenientJson.Text(identity, "model") is { } model) yield return ("starting model", model);
    }

    private int RowOf(JsonElement line, bool heldOut, string? complaint)
    {
        var id = LenientJson.Text(line, "id") ?? $"line {_rows.Count + 1}";
        return RowNumber(id, () => new ReportRow
        {
            Id = id,
            IsHeldOut = heldOut,
            Prompt = LenientJson.Messages(line, "prompt"),
            Rejected = LenientJson.Answer(line, "rejected"),
            Complaint = string.IsNullOrEmpty(complaint) ? null : complaint,
        });
    }

    private int RowNumber(string id, Func<ReportRow> create)
    {
        if (_rowNumbers.TryGetValue(id, out var number)) return number;
        _rows.Add(create());
        return _rowNumbers[id] = _rows.Count - 1;
    }

    private static PairFigures? Figures(Dictionary<string, PairFigures> figures, string id) => figures.TryGetValue(id, out var found) ? found : null;

    private IEnumerable<JsonElement> Lines(string file) => LenientJson.Lines(In(file), bad => Bad(file, bad));

    private void Bad(string file, int lines) => _notices.Add(string.Create(CultureInfo.InvariantCulture, $"{Path.GetRelativePath(_folder, In(file))}: {lines} {(lines == 1 ? "line is" : "lines are")} not readable and left out."));

    private string In(string name) => Path.Combine(_folder, name);

    private static bool IsStage(string name) => name == "seed" || (name.StartsWith("iter", StringComparison.Ordinal) && int.TryParse(name[4..], NumberStyles.None, CultureInfo.InvariantCulture, out _));

    private static int Order(string name) => name == "seed" ? 0 : int.Parse(name[4..], CultureInfo.InvariantCulture);
}

/// <summary>Of several lines with one key the last counts, in the place of the first.</summary>
internal static class LastLine
{
    public static OrderedDictionary<string, JsonElement> ToDictionaryByLast(this IEnumerable<JsonElement> lines, Func<JsonElement, string> key)
    {
        var result = new OrderedDictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var line in lines) result[key(line)] = line;
        return result;
    }
}
