using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Generation;

/// <summary>One pass over the complaints: prompts, samples, judgement, retries, journal.</summary>
internal sealed class DsatSamplingRun
{
    private readonly CausalLM _policy;
    private readonly PretrainedTokenizer _tokenizer;
    private readonly DsatPairSampler.Options _options;
    private readonly GenerationOptions _generation;
    private readonly ChosenFilters? _filters;
    private readonly Stopwatch _clock = new();
    private long _newTokens;
    private int _resumed;

    public DsatSamplingRun(CausalLM policy, DsatPairSampler.Options options)
    {
        (_policy, _tokenizer, _options) = (policy, policy.Tokenizer!, options);
        var isPaper = options.Mode == DsatSamplingMode.Paper;
        _generation = isPaper ? options.Generation.WithShippedDefaults(policy.GenerationDefaults) : options.Generation;
        _filters = isPaper ? null : options.Filters ?? new();
    }

    /// <summary>What came of each row, in their order.</summary>
    public IReadOnlyList<SampledRow> Sample(IReadOnlyList<DsatRow> rows, IProgress<GenerationProgress>? progress, CancellationToken cancellationToken)
    {
        _clock.Start();
        using var journal = _options.JournalPath is { } path ? PairJournal.Open(path, Settings(), _options.OwnsJournal) : null;
        var decided = new SampledRow?[rows.Count];
        var hashes = rows.Select(row => row.ContentHash()).ToArray();
        Resume(rows, hashes, decided, journal);
        // All prompts are built before the first sample, so that a row the template refuses costs nothing.
        var pending = BuildPrompts(rows, hashes, decided, journal, cancellationToken);
        var engine = new GenerationEngine(_policy, _generation, _options.Batching);
        for (var sample = 0; pending.Count > 0; sample++) pending = SampleOnce(engine, sample, pending, decided, journal, progress, cancellationToken);
        _clock.Stop();
        return decided!;
    }

    public DsatSamplingSummary Summary(IReadOnlyList<SampledRow> rows) => new(rows, _options, _generation, _policy.GenerationDefaults, _resumed, _newTokens, _clock.Elapsed);

    private void Resume(IReadOnlyList<DsatRow> rows, string[] hashes, SampledRow?[] decided, PairJournal? journal)
    {
        if (journal is null) return;
        for (var i = 0; i < rows.Count; i++)
        {
            if (!journal.Rows.TryGetValue(rows[i].RowId, out var known)) continue;
            if (known.ContentHash != hashes[i]) throw new InvalidDataException(
                $"{_options.JournalPath}: the row \"{rows[i].RowId}\" was sampled for another content than it has now. Use the same data to go on with this journal, or another JournalPath to start anew.");
            decided[i] = known;
            _resumed++;
        }
    }

    private List<PendingRow> BuildPrompts(IReadOnlyList<DsatRow> rows, string[] hashes, SampledRow?[] decided, PairJournal? journal, CancellationToken cancellationToken)
    {
        var prompts = DsatPrompts.For(_policy, _tokenizer, _options);
        var built = new List<PendingRow>();
        for (var i = 0; i < rows.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (decided[i] is not null) continue;
            var prompt = prompts.Build(rows[i]);
            built.Add(new(i, rows[i], prompt, new SampledRow { RowId = rows[i].RowId, ContentHash = hashes[i], PromptTokens = prompt.Ids.Length, Cut = prompt.Cut }));
        }
        foreach (var row in built.Where(row => !row.Prompt.Fits)) Decide(row, row.State with { Dropped = DropReason.PromptTooLong, PromptTokens = 0, Cut = default }, decided, journal);
        return built.FindAll(row => row.Prompt.Fits);
    }

    /// <summary>Samples every pending row once and returns those that are to be sampled again.</summary>
    private List<PendingRow> SampleOnce(
        GenerationEngine engine, int sample, List<PendingRow> pending, SampledRow?[] decided, PairJournal? journal, IProgress<GenerationProgress>? progress, CancellationToken cancellationToken)
    {
        var again = new List<PendingRow>();
        var byId = pending.ToDictionary(row => row.Row.RowId, StringComparer.Ordinal);
        var requests = pending.ConvertAll(row => new GenerationRequest(row.Row.RowId, row.Prompt.Ids) { Iteration = _options.Iteration, SampleNumber = sample });
        var decidedBefore = decided.Count(row => row is not null);
        var tokensBefore = _newTokens;
        var report = progress is null ? null : new Relay(each => progress.Report(new(decidedBefore + each.FinishedRows - again.Count, decided.Length, tokensBefore + each.NewTokens, _clock.Elapsed)));
        foreach (var result in engine.GenerateAsFinished(requests, report, cancellationToken: cancellationToken))
        {
            var row = byId[result.Request.RowId];
            _newTokens += result.TokenIds.Count;
            var state = Judge(row, result, engine.EndIds);
            if (state.Dropped is not null && sample < _options.MaxRetries) again.Add(row with { State = state });
            else Decide(row, state, decided, journal);
        }
        return again;
    }

    private SampledRow Judge(PendingRow row, GenerationResult result, IReadOnlyList<int> endIds)
    {
        var sampled = row.State with
        {
            FinishReason = result.FinishReason,
            Samples = row.State.Samples + 1,
            NewTokens = row.State.NewTokens + result.TokenIds.Count,
        };
        if (_filters is null) return sampled with { Chosen = PaperAnswer(row.Prompt.Ids, result), Hazards = [.. Hazards(row, result)] };
        var text = result.Text!.Trim();
        var dropped = _filters.Judge(row.Row, text, result.FinishReason, HoldsSpecialTokens(result.TokenIds, endIds));
        return sampled with { Chosen = dropped is null ? text : null, Dropped = dropped };
    }

    private string PaperAnswer(int[] promptIds, GenerationResult result)
    {
        int[] all = [.. promptIds, .. result.TokenIds];
        return PaperFormat.ExtractAnswer(_tokenizer.DecodeClean(all));
    }

    private IEnumerable<PaperHazard> Hazards(PendingRow row, GenerationResult result)
    {
        if (row.Prompt.Cut.Tokens > 0) yield return PaperHazard.PromptCut;
        if (PaperFormat.HoldsMarker(result.Text!)) yield return PaperHazard.MarkerInAnswer;
        if (RoleMarkers.HasInventedTurn(result.Text!)) yield return PaperHazard.InventedTurn;
        if (result.FinishReason == FinishReason.Length) yield return PaperHazard.UnfinishedAnswer;
        if (_tokenizer.ChatTemplateSource is not null) yield return PaperHazard.FormatDiffersFromTraining;
    }

    /// <summary>Whether decoding leaves out more than the final end token.</summary>
    private bool HoldsSpecialTokens(IReadOnlyList<int> ids, IReadOnlyList<int> endIds)
    {
        int[] answer = ids.Count > 0 && endIds.Contains(ids[^1]) ? [.. ids.SkipLast(1)] : [.. ids];
        return _tokenizer.Decode(answer, skipSpecialTokens: true).Length != _tokenizer.Decode(answer).Length;
    }

    private static void Decide(PendingRow row, SampledRow state, SampledRow?[] decided, PairJournal? journal)
    {
        decided[row.Index] = state;
        journal?.Append(state);
    }

    /// <summary>Everything that decides what is sampled, for the journal.</summary>
    private Dictionary<string, string> Settings()
    {
        var settings = new Dictionary<string, string>
        {
            ["policy"] = PolicyFingerprint.Of(_policy),
            ["mode"] = _options.Mode.ToString(),
            ["instruction"] = _options.Mode == DsatSamplingMode.Guided ? _options.Instruction ?? DsatPairSampler.DefaultInstruction : "none",
            ["drop unfinished"] = YesNo(_filters?.DropUnfinished),
            ["drop role markers"] = YesNo(_filters?.DropRoleMarkers),
            ["ignore end tokens"] = YesNo(_generation.IgnoreEos),
            ["weights"] = _generation.Weights.ToString(),
            ["stop texts"] = string.Join(" | ", _generation.StopTexts),
        };
        var numbers = new (string Name, IFormattable? Value)[]
        {
            ("near-copy threshold", _filters?.NearCopyThreshold), ("foreign script share", _filters?.ForeignScriptShare),
            ("max prompt length", _options.MaxPromptLength), ("max retries", _options.MaxRetries), ("iteration", _options.Iteration),
            ("max new tokens", _generation.MaxNewTokens), ("min new tokens", _generation.MinNewTokens), ("temperature", _generation.Temperature),
            ("top-k", _generation.TopK), ("top-p", _generation.TopP), ("min-p", _generation.MinP), ("typical-p", _generation.TypicalP),
            ("repetition penalty", _generation.RepetitionPenalty), ("no-repeat n-gram size", _generation.NoRepeatNgramSize),
            ("frequency penalty", _generation.FrequencyPenalty), ("presence penalty", _generation.PresencePenalty), ("seed", _generation.Seed),
        };
        foreach (var (name, value) in numbers) settings[name] = value?.ToString(null, CultureInfo.InvariantCulture) ?? "off";
        return settings;

        static string YesNo(bool? value) => value is true ? "yes" : "no";
    }

    private sealed record PendingRow(int Index, DsatRow Row, DsatPrompt Prompt, SampledRow State);

    private sealed class Relay(Action<GenerationProgress> report) : IProgress<GenerationProgress>
    {
        public void Report(GenerationProgress value) => report(value);
    }
}
