namespace Microsoft.ML.Drift.Evaluation.AlpacaEval;

/// <summary>One judged instruction: how much the judge prefers the model's output to the baseline's, and how long both are.</summary>
/// <remarks>It is also the row type of data views: the properties are the columns.</remarks>
public sealed class AlpacaEvalAnnotation
{
    /// <summary>Position in the annotation file, from 0. The instruction's difficulty is looked up by it, also in files that lack rows (as upstream does).</summary>
    public int Row { get; set; }

    /// <summary>1: the baseline is surely better; 2: the model is; 1.5: a tie, as is the older 0; NaN: no judgement.</summary>
    public double Preference { get; set; } = double.NaN;

    /// <summary>Length of the model's output, in Unicode code points.</summary>
    public int OutputLength { get; set; }

    /// <summary>Length of the baseline's output, in Unicode code points.</summary>
    public int BaselineLength { get; set; }

    /// <summary>The instruction; empty where only lengths are known.</summary>
    public string Instruction { get; set; } = "";

    /// <summary>The baseline's output.</summary>
    public string Output1 { get; set; } = "";

    /// <summary>The baseline's name.</summary>
    public string Generator1 { get; set; } = "";

    /// <summary>The model's output.</summary>
    public string Output2 { get; set; } = "";

    /// <summary>The model's name.</summary>
    public string Generator2 { get; set; } = "";

    /// <summary>The judge's name, in the benchmark's files that of its configuration.</summary>
    public string Annotator { get; set; } = "";

    /// <summary>The preference with a tie's older spelling 0 as 1.5, and NaN for what is no judgement.</summary>
    internal double Judgement => Preference is 0 ? 1.5 : Preference is >= 1 and <= 2 ? Preference : double.NaN;
}
