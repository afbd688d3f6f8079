using System.Globalization;
using Microsoft.ML.Drift.Fuzz;

const string Usage = """
    Feeds broken and hostile input to the product's readers.

      list                                   the readers
      run [READER …] --count N [--seed S]    N inputs for the cheapest readers, fewer for slow ones; all readers if none is named
          [--first I] [--seconds T]          begin at input I; stop each reader after T seconds
          [--no-recordings]                  without the seeds of ../shared/golden
      show READER --index I [--seed S]       reads one input in this process and shows what happens; --out FILE saves it
    """;

var words = args.Where((word, i) => !word.StartsWith("--", StringComparison.Ordinal) && (i == 0 || !args[i - 1].StartsWith("--", StringComparison.Ordinal) || args[i - 1] == "--no-recordings")).ToList();
string? Option(string name) => Array.IndexOf(args, "--" + name) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : null;
long Number(string name, long absent) => Option(name) is { } text ? long.Parse(text, CultureInfo.InvariantCulture) : absent;

var seed = Number("seed", 1);
Recordings.Wanted = !args.Contains("--no-recordings");
var readers = words.Count < 2 ? Readers.All : [.. words.Skip(1).Select(name => Readers.All.FirstOrDefault(reader => reader.Name == name) ?? throw new ArgumentException($"There is no reader {name}; there are {string.Join(", ", Readers.All.Select(reader => reader.Name))}."))];

switch (words.FirstOrDefault())
{
    case "list":
        foreach (var reader in Readers.All) Console.WriteLine(reader.Name);
        return 0;
    case "run":
        return Run();
    case "worker":
        using (var progress = Progress.Open(Path.Combine(Option("work")!, "progress")))
            new Worker(readers[0], seed, progress, Path.Combine(Option("work")!, "findings.jsonl"))
                .Run(Option("work")!, Number("first", 0), Number("end", 0), DateTime.UtcNow.AddSeconds(Number("seconds", 3600)));
        return 0;
    case "show":
        return Show(readers[0], Number("index", 0));
    default:
        Console.WriteLine(Usage);
        return 2;
}

int Run()
{
    var folder = Directory.CreateTempSubdirectory("drift-fuzz-").FullName;
    try
    {
        var supervisor = new Supervisor(seed, Recordings.Wanted, folder);
        var table = new ScoreTable();
        foreach (var reader in readers)
            table.Add(supervisor.Run(reader, Number("first", 0), Math.Max(1, (long)(Number("count", 1000) * reader.Share)), TimeSpan.FromSeconds(Number("seconds", 3600))));
        return table.Finish();
    }
    finally
    {
        Directory.Delete(folder, recursive: true);
    }
}

int Show(Reader reader, long index)
{
    var folder = Directory.CreateTempSubdirectory("drift-fuzz-").FullName;
    try
    {
        reader.Prepare(folder);
        var input = reader.Next(FuzzRandom.Of(reader.Name, seed, index));
        if (Option("out") is { } path) File.WriteAllBytes(path, input);
        Console.WriteLine($"{reader.Name}, seed {seed}, input {index}: {input.Length} bytes");
        Console.WriteLine(System.Text.Encoding.UTF8.GetString(input.AsSpan(0, Math.Min(input.Length, 3000))));
        reader.Read(input);
        Console.WriteLine("accepted");
        return 0;
    }
    catch (Exception error)
    {
        Console.WriteLine($"{(reader.IsPromised(error) ? "refused as promised" : "NOT as promised")}: {error}");
        return reader.IsPromised(error) ? 0 : 1;
    }
    finally
    {
        Directory.Delete(folder, recursive: true);
    }
}
