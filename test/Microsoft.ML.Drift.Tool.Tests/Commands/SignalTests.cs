namespace Microsoft.ML.Drift.Tool.Tests.Commands;

/// <summary>The tool as a process of its own, asked to stop as a terminal or a service manager does.</summary>
public sealed class SignalTests(ModelFixture models) : CommandTest(models)
{
    [Theory]
    [InlineData("run", ToolProcess.Interrupt, "iter1/metrics.jsonl")]
    [InlineData("run", ToolProcess.Terminate, "iter1/samples.jsonl")]
    [InlineData("train", ToolProcess.Interrupt, "metrics.jsonl")]
    [InlineData("train", ToolProcess.Terminate, "metrics.jsonl")]
    public async Task Signal_InTheMiddle_SavesAndGives130_AndTheSameCommandContinues(string command, int signal, string after)
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("Windows has no such signals.");
        string[] Command(string output) =>
        [
            command, "--recipe", Write("recipe.yaml", "learning_rate: 1.0e-3", "lr_scheduler_type: constant", "per_device_train_batch_size: 1", "max_steps: 30", "save_steps: 1000",
                "drift: {iterations: 1, max_new_tokens: 200, drop_unfinished: false, test_rows: 2, sampling_batch_size: 1}"),
            .. command == "run" ? ["--dsat", Write("dsat.jsonl", DsatRows)] : new[] { "--pairs", Write("pairs.jsonl", PairRows) },
            "--model", Models.Model, "--output", At(output), "--threads", "1",
        ];
        await Succeed(Command("whole"));

        var (code, errors) = await StopWhen(() => Lines($"out/{after}") >= 3, signal, Command("out"));
        Assert.True(code == ExitCodes.Cancelled, $"exit code {code}: {errors}");
        Assert.Contains("Run the same command again to continue", errors);
        await Succeed(Command("out"));

        var model = command == "run" ? "model/model.safetensors" : "model.safetensors";
        Assert.Equal(File.ReadAllBytes(At($"whole/{model}")), File.ReadAllBytes(At($"out/{model}")));
        var metrics = command == "run" ? "iter1/metrics.jsonl" : "metrics.jsonl";
        Assert.Equal(Metrics($"whole/{metrics}"), Metrics($"out/{metrics}"));
    }

    private static async Task<(int Code, string Errors)> StopWhen(Func<bool> isTime, int signal, string[] command)
    {
        using var process = ToolProcess.Start(command);
        var (errors, output) = (process.StandardError.ReadToEndAsync(), process.StandardOutput.ReadToEndAsync());
        while (!isTime() && !process.HasExited) await Task.Delay(1);
        if (!process.HasExited) ToolProcess.Send(process, signal);
        await process.WaitForExitAsync();
        await output;
        return (process.ExitCode, await errors);
    }

    private int Lines(string name)
    {
        if (!File.Exists(At(name))) return 0;
        using var reader = new StreamReader(new FileStream(At(name), FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd().Count(character => character == '\n');
    }

    private List<string> Metrics(string name) => [.. Read(name).Select(row =>
    {
        foreach (var time in new[] { "seconds", "tokens_per_second", "peak_memory_bytes", "eval_seconds" }) row.AsObject().Remove(time);
        return row.ToJsonString();
    })];
}
