using System.Text;
using Microsoft.ML.Drift.Generation;

namespace Microsoft.ML.Drift.Serving.Answering;

/// <summary>One answer of a request, as far as it is.</summary>
internal sealed class Choice
{
    private readonly StringBuilder _text = new();
    private readonly List<GeneratedToken> _tokens = [];

    public string Text => _text.ToString();

    public IReadOnlyList<GeneratedToken> Tokens => _tokens;

    public FinishReason? FinishReason => _tokens.Count == 0 ? null : _tokens[^1].FinishReason;

    public void Add(GeneratedToken token)
    {
        _text.Append(token.Text);
        _tokens.Add(token);
    }
}
