using System.Globalization;

namespace Microsoft.ML.Drift.Evaluation.Reports;

/// <summary>Numbers and names of a run as people read them.</summary>
internal static class Words
{
    private const char Minus = '−';

    /// <summary>A figure with as many decimals as its size deserves, a real minus sign, and a dash where there is no number.</summary>
    public static string Number(double? value) => Format(value, Math.Abs(value ?? 0) switch { >= 1000 => "#,0", >= 100 => "0.0", >= 10 => "0.00", >= 1 => "0.000", >= 0.001 => "0.0000", _ => "0.##e0" });

    /// <summary>A round number beside an axis.</summary>
    public static string Tick(double? value) => Format(value, Math.Abs(value ?? 0) is >= 1e7 or < 1e-4 ? "0.##e0" : Math.Abs(value ?? 0) >= 1000 ? "#,0" : "0.#####");

    /// <summary>A number with its sign, also where it is positive.</summary>
    public static string Change(double? value) => value is > 0 ? $"+{Number(value)}" : Number(value);

    public static string Count(long value) => Signed(value.ToString("N0", CultureInfo.InvariantCulture));

    public static string Percent(double share) => double.IsFinite(share) ? Signed((100 * share).ToString(share is 0 or 1 ? "0" : "0.#", CultureInfo.InvariantCulture)) + " %" : "–";

    public static string Duration(double seconds) => seconds < 60
        ? seconds.ToString("0.#", CultureInfo.InvariantCulture) + " s"
        : TimeSpan.FromSeconds(Math.Round(seconds)) is { TotalHours: >= 1 } long_ ? $"{(int)long_.TotalHours} h {long_.Minutes} min" : string.Create(CultureInfo.InvariantCulture, $"{(int)(seconds / 60)} min {(int)(seconds % 60)} s");

    public static string Plural(long count, string one, string? many = null) => $"{Count(count)} {(count == 1 ? one : many ?? one + "s")}";

    public static string Stage(string name) => name switch
    {
        "seed" => "Seed stage",
        "training" => "Training",
        _ when name.StartsWith("iter", StringComparison.Ordinal) => $"Iteration {name[4..]}",
        _ => name,
    };

    /// <summary>The filter's verdict on a sample; null is a pair.</summary>
    public static string Verdict(string? dropped) => dropped switch
    {
        null => "pair",
        "PromptTooLong" => "prompt too long",
        "Unfinished" => "cut at the limit",
        "Empty" => "empty answer",
        "EqualToRejected" => "equal to the rejected",
        "NearCopyOfRejected" => "near-copy of the rejected",
        "RoleMarker" => "role marker",
        "ForeignScript" => "foreign script",
        _ => dropped,
    };

    /// <summary>A hazard of paper mode.</summary>
    public static string Hazard(string name) => name switch
    {
        "PromptCut" => "prompt lost complaint or cue",
        "MarkerInAnswer" => "answer cut at an inner marker",
        "InventedTurn" => "invented turn in the answer",
        "UnfinishedAnswer" => "answer cut at the limit",
        "FormatDiffersFromTraining" => "format differs from training",
        _ => name,
    };

    private static string Format(double? value, string format) => value switch
    {
        null => "–",
        { } number when double.IsNaN(number) => "NaN",
        { } number when double.IsInfinity(number) => number > 0 ? "∞" : "−∞",
        { } number when number == Math.Round(number) && Math.Abs(number) < 1e7 => Signed(number.ToString("#,0", CultureInfo.InvariantCulture)),
        { } number => Signed(number.ToString(format, CultureInfo.InvariantCulture)),
    };

    private static string Signed(string number) => number.StartsWith('-') ? Minus + number[1..] : number;
}
