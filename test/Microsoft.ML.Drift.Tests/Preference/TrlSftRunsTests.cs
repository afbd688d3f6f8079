using System.Text.Json;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Preference;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Preference;

/// <summary>
/// Every recorded SFT training of TRL 0.19.1: ids and labels, each micro-batch's loss, log values, final weights. Bounds are those of the recordings' own page, or tighter.
/// </summary>
[Trait("Parity", "measured")]
public class TrlSftRunsTests
{
    private const double FirstStep = 1e-5;
    private const double LaterSteps = 2e-4;

    public static TheoryData<string> RecordedRuns()
    {
        var folder = Golden.FolderOrNull("trl", "runs");
        var runs = folder is null ? [] : Directory.GetDirectories(folder).Where(IsSft).Select(run => Path.GetFileName(run)).Order().ToArray();
        return runs.Length > 0 ? [.. runs] : ["(no recordings)"];
    }

    [Theory, MemberData(nameof(RecordedRuns))]
    public void Run_RecordedSft_GivesTrlsNumbers(string name)
    {
        var (root, folder) = (Golden.Folder("trl"), Golden.Folder("trl", "runs", name));
        var arguments = Json(Path.Combine(folder, "args.json"));
        var options = TrlArguments.SftOptions(arguments.GetProperty("args"));
        Assert.Empty(options.Problems());
        set_num_threads(1); // tiny matrices: a second thread only waits
        using var policy = Load(root, arguments);
        using var start = policy.Clone();
        var rows = Rows(policy, options, root, folder, arguments);
        var trained = arguments.GetProperty("train_rows").EnumerateArray().Select(row => rows[row.GetInt32()]).ToArray();
        var micro = new List<(int[] Rows, double Loss)>();
        using var training = new SftTraining(policy, trained, [], options) { BatchScored = (batch, loss) => micro.Add((batch, loss)) };
        var history = training.Loop.Run(TestContext.Current.CancellationToken);

        var (first, later) = CompareLog(Lines(Path.Combine(folder, "log.jsonl")), [.. history.Steps]);
        var batches = CompareMicro(Lines(Path.Combine(folder, "micro.jsonl")), micro, arguments);
        var weights = CompareWeights(Path.Combine(folder, "final.safetensors"), start, policy);
        var weightBound = options.Optimizer == OptimizerType.AdamW ? 1e-4 : 1e-3;
        ParityPage.Add("Supervised training", name, "step 1", first, FirstStep);
        ParityPage.Add("Supervised training", name, "later steps", later, LaterSteps);
        ParityPage.Add("Supervised training", name, "micro-batches", batches, LaterSteps);
        ParityPage.Add("Supervised training", name, "weights", weights, weightBound);
        Assert.True(first <= FirstStep, $"step 1: {first}");
        Assert.True(later <= LaterSteps, $"later: {later}");
        Assert.True(batches <= LaterSteps, $"micro-batches: {batches}");
        Assert.True(weights <= weightBound, $"weights {weights}");
    }

    private static bool IsSft(string run) => Json(Path.Combine(run, "args.json")).GetProperty("trainer").GetString() == "SFTTrainer";

    /// <summary>The recorded policy; where the run has a chat template of its own, with that.</summary>
    private static CausalLM Load(string root, JsonElement arguments)
    {
        var source = Path.Combine(root, arguments.GetProperty("policy").GetString()!);
        Assert.Equal($"{arguments.GetProperty("policy").GetString()}/model.safetensors", arguments.GetProperty("initial_weights").GetString());
        if (arguments.GetProperty("chat_template").GetString() is not { } template) return CausalLM.Load(source);
        var folder = Directory.CreateTempSubdirectory("drift-sft-").FullName;
        try
        {
            foreach (var file in Directory.GetFiles(source)) File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
            File.WriteAllText(Path.Combine(folder, "chat_template.jinja"), template);
            return CausalLM.Load(folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Every row of the data file from text; checked against the recorded ids and labels.</summary>
    private static IReadOnlyList<SftTokens> Rows(CausalLM policy, SftTrainer.Options options, string root, string folder, JsonElement arguments)
    {
        var data = new MLContext().Data.LoadFromChatJsonLines(Path.Combine(root, arguments.GetProperty("data").GetString()!));
        var rows = SftTokens.Read(policy, options, data, "the data").Rows;
        foreach (var recorded in Json(Path.Combine(folder, "rows.json")).EnumerateArray())
        {
            var ours = rows[recorded.GetProperty("row").GetInt32()].Sequence;
            Assert.Equal(Ints(recorded, "input_ids"), ours.Ids);
            Assert.Equal(Ints(recorded, "labels"), ours.Ids.Zip(ours.IsLabel, (id, isLabel) => isLabel ? id : -100));
        }
        return rows;
    }

    private static (double First, double Later) CompareLog(JsonElement[] recorded, TrainingRecord[] ours)
    {
        Assert.Equal(recorded.Length, ours.Length);
        double first = 0, later = 0;
        foreach (var (theirs, step) in recorded.Zip(ours))
        {
            Assert.Equal(theirs.GetProperty("step").GetInt32(), step.Step);
            Assert.Equal(theirs.GetProperty("epoch").GetDouble(), step.Epoch, 1e-12);
            Assert.Equal(theirs.GetProperty("learning_rate").GetDouble(), step.Metrics["learning_rate"], 1e-12);
            Assert.Equal(theirs.GetProperty("num_tokens").GetDouble(), step.Metrics["num_tokens"]);
            foreach (var name in new[] { "loss", "grad_norm", "mean_token_accuracy" })
            {
                var gap = Gap(theirs.GetProperty(name).GetDouble(), step.Metrics[name]);
                if (step.Step == 1) first = Math.Max(first, gap);
                else later = Math.Max(later, gap);
            }
        }
        return (first, later);
    }

    private static double CompareMicro(JsonElement[] recorded, List<(int[] Rows, double Loss)> ours, JsonElement arguments)
    {
        var rows = Ints(arguments, "train_rows");
        Assert.Equal(recorded.Length, ours.Count);
        foreach (var (theirs, batch) in recorded.Zip(ours)) Assert.Equal(Ints(theirs, "rows"), batch.Rows.Select(row => rows[row]));
        return recorded.Zip(ours, (theirs, batch) => Gap(theirs.GetProperty("loss").GetDouble(), batch.Loss)).Max();
    }

    private static double CompareWeights(string file, CausalLM start, CausalLM trained)
    {
        using var scope = NewDisposeScope();
        using var final = SafetensorsFile.Open(file);
        double distance = 0, movement = 0;
        foreach (var (name, slice) in trained.Decoder.Tensors)
        {
            var recorded = final.Read(name).to(ScalarType.Float64);
            distance += (recorded - slice.View()).square().sum().item<double>();
            movement += (recorded - start.Decoder.Tensors[name].View()).square().sum().item<double>();
        }
        return Math.Sqrt(distance / movement);
    }

    private static double Gap(double recorded, double ours) => Math.Abs(recorded - ours) / Math.Max(1, Math.Abs(recorded));

    private static JsonElement Json(string path) => JsonDocument.Parse(File.ReadAllText(path)).RootElement;

    private static JsonElement[] Lines(string path) => [.. File.ReadLines(path).Select(line => JsonDocument.Parse(line).RootElement)];

    private static int[] Ints(JsonElement table, string name) => [.. table.GetProperty(name).EnumerateArray().Select(value => value.GetInt32())];
}
