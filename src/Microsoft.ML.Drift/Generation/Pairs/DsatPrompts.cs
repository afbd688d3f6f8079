using Microsoft.Extensions.AI;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Models;

namespace Microsoft.ML.Drift.Generation;

/// <summary>A row's prompt as the model will see it, or the news that it cannot be made to fit.</summary>
internal sealed record DsatPrompt(int[] Ids, bool Fits, PromptCut Cut);

/// <summary>Builds prompts: one class per <see cref="DsatSamplingMode"/>.</summary>
internal abstract class DsatPrompts
{
    public static DsatPrompts For(CausalLM policy, PretrainedTokenizer tokenizer, DsatPairSampler.Options options) => options.Mode switch
    {
        DsatSamplingMode.Guided => new GuidedPrompts(new ChatEncoder(tokenizer, policy.ChatTemplate), options.MaxPromptLength, options.Instruction ?? DsatPairSampler.DefaultInstruction),
        DsatSamplingMode.Unguided => new UnguidedPrompts(new ChatEncoder(tokenizer, policy.ChatTemplate), options.MaxPromptLength),
        _ => new PaperPrompts(tokenizer, options.MaxPromptLength),
    };

    /// <exception cref="InvalidDataException">The chat template refuses the row's messages.</exception>
    public DsatPrompt Build(DsatRow row)
    {
        try
        {
            return BuildFor(row);
        }
        catch (ChatTemplateException refusal)
        {
            throw new InvalidDataException($"Nothing was sampled: the model's chat template refuses the row \"{row.RowId}\": {refusal.Message}", refusal);
        }
    }

    protected abstract DsatPrompt BuildFor(DsatRow row);

    private static DsatPrompt Fit(ChatEncoder encoder, IReadOnlyList<ChatMessage> messages, int limit, int protectedMessages)
    {
        var fitted = ConversationTruncation.Fit(messages, kept => encoder.EncodePrompt(new ChatOrText(kept)), limit, protectedMessages);
        return new(fitted.Ids, fitted.Fits, fitted.WasCut ? new(fitted.TokensCut, fitted.MessagesDropped, fitted.MessagesShortened) : default);
    }

    /// <summary>The conversation, the bad answer, and a user turn with the complaint and the instruction if there is one, which is never cut.</summary>
    private sealed class GuidedPrompts(ChatEncoder encoder, int limit, string instruction) : DsatPrompts
    {
        protected override DsatPrompt BuildFor(DsatRow row)
        {
            ChatMessage[] messages = [.. row.Prompt, new(ChatRole.Assistant, row.Rejected), new(ChatRole.User, instruction.Length == 0 ? row.Feedback : $"{row.Feedback}\n\n{instruction}")];
            return Fit(encoder.WithTools(row.Tools, row.RowId), messages, limit, protectedMessages: 1);
        }
    }

    /// <summary>The bare prompt.</summary>
    private sealed class UnguidedPrompts(ChatEncoder encoder, int limit) : DsatPrompts
    {
        protected override DsatPrompt BuildFor(DsatRow row) => Fit(encoder.WithTools(row.Tools, row.RowId), row.Prompt, limit, protectedMessages: 0);
    }

    /// <summary>The authors' plain text, cut on the right.</summary>
    private sealed class PaperPrompts(PretrainedTokenizer tokenizer, int limit) : DsatPrompts
    {
        protected override DsatPrompt BuildFor(DsatRow row)
        {
            var text = PaperFormat.Prompt(row);
            var whole = tokenizer.Encode(text, addSpecialTokens: true);
            var ids = PaperFormat.CutRight(tokenizer.Encode(text), whole, limit);
            return new(ids, ids.Length > 0, new(whole.Length - ids.Length, 0, 0));
        }
    }
}
