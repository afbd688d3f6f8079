using Microsoft.ML.Data;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Generation;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;

namespace Microsoft.ML.Drift.Iteration;

/// <summary>
/// DRIFT, the whole loop (Dissatisfaction-Refined Iterative preFerence Training, arXiv 2510.02341): for each complaint the current policy samples a better answer,
/// DPO trains on the pairs of that answer and the real bad one, and the new policy samples the next pairs. The policy it is given stays as it is; a copy is trained.
/// </summary>
/// <remarks>
/// <para>Input columns: <c>Prompt</c> (chat, or text), <c>Rejected</c> (text), <c>Feedback</c> (text; not in unguided mode), and <c>RowId</c> (text) if there is one.</para>
/// <para>The reference of every stage is the policy at that stage's start. With LoRA each stage trains a fresh adapter, which is merged at the stage's end.</para>
/// </remarks>
public sealed partial class DriftIterationEstimator : IEstimator<CausalLMTransformer>
{
    private readonly MLContext _context;
    private readonly CausalLM _policy;
    private readonly Options _options;

    /// <exception cref="ArgumentException">Options have bad values, all of which the message names, or the model cannot be trained, or not be sampled so.</exception>
    internal DriftIterationEstimator(MLContext context, CausalLM policy, Options? options = null)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(policy);
        (_context, _policy, _options) = (context, policy, options ?? new());
        string[] problems = [.. _options.Problems(), .. PreferenceTraining.Problems(policy, null, _options.Training), .. _options.Sampling.Generation.ProblemsWith(policy.Decoder)];
        if (problems.Length > 0) throw new ArgumentException($"{nameof(DriftIterationEstimator)}: {string.Join(" ", problems)}", nameof(options));
    }

    /// <summary>Runs all stages and gives the selected model.</summary>
    /// <inheritdoc cref="Run"/>
    /// <returns>The selected model as a transformer that answers prompts. Dispose of its <see cref="CausalLMTransformer.Model"/> to free the weights.</returns>
    public CausalLMTransformer Fit(IDataView input) => Run(input).Transformer;

    /// <summary>Runs all stages and gives every stage's figures and model.</summary>
    /// <param name="input">DSAT rows.</param>
    /// <exception cref="ArgumentException">A column is missing or of another type, or too few rows are left to train on.</exception>
    /// <exception cref="IOException">The run folder cannot be written, or another process uses it.</exception>
    /// <exception cref="InvalidDataException">A row is incomplete, or a file of the run folder is damaged.</exception>
    /// <exception cref="InvalidOperationException">The run folder holds a run with other settings, data or model, or no sampled row became a pair.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    /// <exception cref="TrainingDivergedException">A loss or gradient became NaN or infinite.</exception>
    public DriftRun Run(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        var rows = Split(input);
        using var folder = OpenFolder(rows);
        folder?.KeepRows("train", rows.Training, _options.Sampling.NeedsFeedback, _context, _options.CancellationToken);
        if (rows.HeldOut is not null) folder?.KeepRows("test", rows.HeldOut, _options.Sampling.NeedsFeedback, _context, _options.CancellationToken);
        using var stages = new DriftStages(_context, _policy, _options, rows, folder);
        if (_options.SeedPairs is not null) stages.RunSeed();
        for (var iteration = 1; iteration <= _options.NumberOfIterations; iteration++) stages.RunIteration(iteration);

        var selected = _options.Selection == ModelSelection.Last ? stages.Results[^1] : stages.Results.MaxBy(stage => stage.HeldOut?.Margin ?? double.NegativeInfinity)!;
        return new DriftRun(CausalLMTransformer.Create(stages.TakeModel(selected), ChatColumnNames.Prompt), selected, stages.Results);
    }

    /// <summary>The input's columns and the answers.</summary>
    /// <exception cref="ArgumentException">A column is missing or of another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        var sampler = new DsatPairSampler(_context, _policy, _options.Sampling);
        sampler.GetOutputSchema(inputSchema);
        return CausalLMTransformer.OutputShapeOf(inputSchema, ChatColumnNames.Response, ChatColumnNames.Prompt);
    }

    private RunFolder? OpenFolder(DriftRows rows)
    {
        if (_options.RunFolder is not { } path) return null;
        var data = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["dsat rows"] = DataFingerprint.Of(rows.Training, DataFingerprint.RunColumns) };
        if (rows.HeldOut is not null) data["held-out rows"] = DataFingerprint.Of(rows.HeldOut, DataFingerprint.RunColumns);
        if (rows.Seed is not null) data["seed pairs"] = DataFingerprint.Of(rows.Seed, DataFingerprint.RunColumns);
        var folder = RunFolder.Open(path, new RunIdentity("drift", RunSettings.Of(_options), data, PolicyFingerprint.Of(_policy)), _options.Restart);
        if (folder.MovedAside is { } moved) _options.Notices?.Report($"The run that was in {folder.FullPath} is now in {moved}.");
        return folder;
    }

    private DriftRows Split(IDataView input)
    {
        DsatRowReader.CheckSchema(input.Schema, _options.Sampling.NeedsFeedback);
        if (_options.SeedPairs is { } seed) _options.Training.Columns.Check(seed.Schema);
        if (_options.HeldOutRows is { } own)
        {
            DsatRowReader.CheckSchema(own.Schema, _options.Sampling.NeedsFeedback);
            return new DriftRows(input, own, _options.SeedPairs);
        }

        var count = DataFingerprint.RowCount(input);
        var heldOut = _options.NumberOfHeldOutRows ?? Math.Min(Defaults.MaximumHeldOutRows, count / 10);
        if (heldOut >= count)
            throw new ArgumentException($"There are {count} rows and {heldOut} are to be held out, so that none is left to train on. Give more rows or hold out fewer.", nameof(input));
        return heldOut == 0
            ? new DriftRows(input, null, _options.SeedPairs)
            : new DriftRows(_context.Data.SkipRows(input, heldOut), _context.Data.TakeRows(input, heldOut), _options.SeedPairs);
    }
}

/// <summary>What a run reads.</summary>
/// <param name="Training">DSAT rows to train on.</param>
/// <param name="HeldOut">DSAT rows to measure on, or null.</param>
/// <param name="Seed">Pairs of the seed stage, or null.</param>
internal sealed record DriftRows(IDataView Training, IDataView? HeldOut, IDataView? Seed);
