using System.Globalization;
using Microsoft.ML.Drift.CrashTests;

// See docs/reliability.md.
const string Usage = """
    kill [--points 200] [--seed 1] [--terminate 0] [--model FOLDER --rows 8] [--keep]   kills runs at random moments, continues them, compares
    soak [--steps 10000] [--rows 20000]                                                    trains and samples for long: memory, handles, tensors, speed
    run WORKLOAD.json OUTPUT                                                               the run that is killed
    """;

try
{
    return args switch
    {
        ["run", var workload, var output] => Victim.Run(Workload.Load(workload), output),
        ["kill", ..] => Kill(),
        ["soak", ..] => Soak.Run(Number("--steps", 10_000), Number("--rows", 20_000), Console.Out) ? 0 : 1,
        _ => Help(),
    };
}
catch (OperationCanceledException)
{
    return Victim.Cancelled;
}
catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidDataException or InvalidOperationException)
{
    Console.Error.WriteLine(error.Message);
    return 1;
}

int Kill()
{
    var folder = Directory.CreateTempSubdirectory("drift-kill-").FullName;
    try
    {
        if (Text("--model") is { } model) Workload.WriteOfModel(folder, model, Number("--rows", 8));
        else Workload.WriteTiny(folder);
        var outcome = new KillCampaign(folder, "Microsoft.ML.Drift.CrashTests", Console.Out).Run(Number("--points", 200), Number("--terminate", 0), Number("--seed", 1));
        Console.WriteLine(outcome);
        return outcome.Mismatches.Count == 0 ? 0 : 1;
    }
    finally
    {
        if (args.Contains("--keep")) Console.WriteLine($"Kept: {folder}");
        else Directory.Delete(folder, recursive: true);
    }
}

int Help()
{
    Console.Error.WriteLine(Usage);
    return 2;
}

string? Text(string option) => Array.IndexOf(args, option) is >= 0 and var at && at + 1 < args.Length ? args[at + 1] : null;

int Number(string option, int otherwise) => Text(option) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
