using System.Text;

namespace Microsoft.ML.Drift.Evaluation.Reports;

/// <summary>
/// A run as one HTML file for people: summary, answers before and after, iterations with intervals, training curves, what sampling cut and dropped, the worst and best
/// pairs, and every row with its provenance. The file loads nothing, works in light and dark, on paper and with a screen reader.
/// </summary>
/// <example><code>RunReport.Load("run").SaveAsHtml("report.html");</code></example>
public sealed partial class RunReport
{
    private readonly ReportModel _model;

    private RunReport(ReportModel model) => _model = model;

    /// <summary>Whether everything that was planned is there; where not, the report shows what is, and says so.</summary>
    public bool IsComplete => _model.IsComplete;

    /// <summary>What is missing, or could not be read, in words; empty for a finished run.</summary>
    public IReadOnlyList<string> Notices => _model.Notices;

    /// <summary>Reads the folder of a run (<see cref="Microsoft.ML.Drift.Iteration.DriftIterationEstimator.Options.RunFolder"/>, <c>drift run</c>) or of a training (<c>drift train</c>). A run that is still going on, or was stopped, is read as far as it has come.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">The folder holds neither a run nor a training.</exception>
    public static RunReport Load(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return new RunReport(RunFolderReader.Read(folder));
    }

    /// <summary>The report as HTML.</summary>
    public string ToHtml() => ReportPage.Of(_model, DateTimeOffset.Now);

    /// <summary>Writes the report, whole or not at all.</summary>
    /// <param name="path">The file; an existing one is replaced. Its folder is made if needed.</param>
    public void SaveAsHtml(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        WholeFile.Write(path, stream => stream.Write(new UTF8Encoding(encoderShouldEmitUTF8Identifier: false).GetBytes(ToHtml())));
    }
}
