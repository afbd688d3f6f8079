using System.Text.Json;

namespace Microsoft.ML.Drift.CrashTests;

/// <summary>What the victim runs; written to a file so that every process reads the same.</summary>
/// <param name="Model">The model's folder.</param>
/// <param name="Complaints">DSAT rows, JSON Lines.</param>
/// <param name="SeedPairs">Pairs of a seed stage, JSON Lines; null for none.</param>
/// <param name="Iterations">Iterations after it.</param>
/// <param name="HeldOutRows">Rows that are measured.</param>
/// <param name="NewTokens">Most tokens of a sample.</param>
/// <param name="Epochs">Epochs of a stage.</param>
internal sealed record Workload(string Model, string Complaints, string? SeedPairs, int Iterations, int HeldOutRows, int NewTokens, double Epochs)
{
    private const string FileName = "workload.json";

    /// <summary>A model of some thousand weights, a seed stage, two iterations, evaluations in between.</summary>
    public static void WriteTiny(string folder)
    {
        var model = Path.Combine(folder, "model");
        using (var tiny = TinyModel.Create()) tiny.Save(model);
        var workload = new Workload(model, WriteComplaints(folder, 22), WriteSeedPairs(folder, 8), Iterations: 2, HeldOutRows: 4, NewTokens: 24, Epochs: 2);
        workload.Save(folder);
    }

    /// <summary>One short iteration of a given model.</summary>
    public static void WriteOfModel(string folder, string model, int rows)
    {
        var workload = new Workload(Path.GetFullPath(model), WriteComplaints(folder, rows), null, Iterations: 1, HeldOutRows: 2, NewTokens: 8, Epochs: 1);
        workload.Save(folder);
    }

    public static Workload Load(string path) => JsonSerializer.Deserialize<Workload>(File.ReadAllText(path)) ?? throw new InvalidDataException($"{path} is empty.");

    public static string PathIn(string folder) => Path.Combine(folder, FileName);

    private void Save(string folder) => File.WriteAllText(PathIn(folder), JsonSerializer.Serialize(this));

    private static string WriteComplaints(string folder, int count)
    {
        var path = Path.Combine(folder, "dsat.jsonl");
        File.WriteAllLines(path, Enumerable.Range(0, count).Select(row => JsonSerializer.Serialize(new
        {
            id = $"row-{row}",
            prompt = new[] { new { role = "user", content = $"question {Letter(row)} {new string(Letter(row * 3), row * 5 % 17)}" } },
            rejected = new[] { new { role = "assistant", content = $"bad {Letter(row * 7)}" } },
            user_preference = new { role = "user", content = $"no not {Letter(row)}" },
        })));
        return path;
    }

    private static string WriteSeedPairs(string folder, int count)
    {
        var path = Path.Combine(folder, "seed.jsonl");
        File.WriteAllLines(path, Enumerable.Range(0, count).Select(row => JsonSerializer.Serialize(new
        {
            id = $"seed-{row}",
            prompt = new[] { new { role = "user", content = $"say {Letter(row)}" } },
            chosen = new[] { new { role = "assistant", content = $"yes {new string(Letter(row), 1 + row % 4)}" } },
            rejected = new[] { new { role = "assistant", content = $"no {Letter(row + 5)}" } },
        })));
        return path;
    }

    private static char Letter(int number) => (char)('a' + number % 26);
}
