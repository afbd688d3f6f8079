using Microsoft.Extensions.Logging;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Drift.Tests;

namespace Microsoft.ML.Drift.Serving.Tests;

/// <summary>Models for the tests of a class, and servers for them. A model serves one server at a time.</summary>
public sealed class ServedModels : IDisposable
{
    public ServedModels()
    {
        Trained = CausalLM.Load(Path.Combine(Checkout.Root, "samples", "Quickstart", "policy"));
        Endless = CausalLM.Create(
            ModelConfiguration.Parse("""
                {"model_type": "llama", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
                 "vocab_size": 260, "max_position_embeddings": 32768, "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "tie_word_embeddings": false, "initializer_range": 0.3}
                """),
            Trained.Tokenizer,
            seed: 1);
    }

    /// <summary>The quickstart's model: small, with a context of 256 tokens, and its answers make sense.</summary>
    public CausalLM Trained { get; }

    /// <summary>An untrained model whose context is long enough to interrupt an answer in.</summary>
    public CausalLM Endless { get; }

    public void Dispose()
    {
        Trained.Dispose();
        Endless.Dispose();
    }

    internal static Task<DriftServer> Start(CausalLM model, DriftServingOptions? options = null, TimeSpan? shutdownTimeout = null, ILoggerProvider? log = null) =>
        DriftServer.StartAsync(model, options, port: 0, shutdownTimeout: shutdownTimeout, logging: log is null ? null : logging => logging.AddProvider(log));
}
