using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Microsoft.ML.Drift.Evaluation.Reports;

/// <summary>Collects HTML. In an interpolated string the literal parts are markup, and every value is escaped, so that nothing of the data can become markup.</summary>
internal sealed class HtmlBuilder
{
    private readonly StringBuilder _html = new();

    public HtmlBuilder Add([InterpolatedStringHandlerArgument("")] Interpolation html)
    {
        _ = html; // its parts were added one by one
        return this;
    }

    /// <summary>Adds markup that is no one's data: the style sheet, the program, escaped JSON.</summary>
    public HtmlBuilder AddMarkup(string markup)
    {
        _html.Append(markup);
        return this;
    }

    public override string ToString() => _html.ToString();

    private void AddText(string text)
    {
        foreach (var symbol in WellFormed.Of(text))
        {
            _ = symbol switch
            {
                '&' => _html.Append("&amp;"),
                '<' => _html.Append("&lt;"),
                '>' => _html.Append("&gt;"),
                '"' => _html.Append("&quot;"),
                '\'' => _html.Append("&#39;"),
                // HTML has no control characters but these; the others are shown by their pictures.
                '\n' or '\t' => _html.Append(symbol),
                '\r' => _html,
                < ' ' => _html.Append((char)('\u2400' + symbol)),
                '\u007f' => _html.Append('\u2421'),
                _ => _html.Append(symbol),
            };
        }
    }

    /// <summary>The parts of one interpolated string.</summary>
    [InterpolatedStringHandler]
    internal readonly ref struct Interpolation(int literalLength, int formattedCount, HtmlBuilder target)
    {
        private readonly HtmlBuilder _target = literalLength + formattedCount >= 0 ? target : throw new ArgumentOutOfRangeException(nameof(literalLength));

        public void AppendLiteral(string markup) => _target._html.Append(markup);

        public void AppendFormatted(string? text) => _target.AddText(text ?? "");

        public void AppendFormatted<T>(T value) where T : IFormattable => _target.AddText(value.ToString(null, CultureInfo.InvariantCulture));

        public void AppendFormatted<T>(T value, string format) where T : IFormattable => _target.AddText(value.ToString(format, CultureInfo.InvariantCulture));
    }
}
