using Microsoft.ML.Data;
using Microsoft.ML.Drift.Models;
using Microsoft.ML.Trainers;

namespace Microsoft.ML.Drift.Evaluation.Offline;

/// <summary>Clusters responses in a model's hidden-state space.</summary>
internal static class Coverage
{
    /// <summary>Each response's cluster and place; sets that are compared are clustered together.</summary>
    /// <exception cref="ArgumentException">The model has no tokenizer, or the settings are bad.</exception>
    public static (int Clusters, CoveragePoint[] Points) Of(IReadOnlyList<string> responses, CausalLM model, CoverageOptions options, Action<int>? embedded = null)
    {
        options.Validate();
        var tokenizer = model.Tokenizer ?? throw new ArgumentException("The embedding model has no tokenizer (its folder has no tokenizer.json), so that responses cannot be embedded.");
        var embedder = new SequenceEmbedder(model);
        var embeddings = new List<float[]>();
        foreach (var response in responses)
        {
            var ids = tokenizer.Encode(response, addSpecialTokens: true);
            // An empty response lies where the model starts from nothing.
            embeddings.Add(ids.Length > 0 ? embedder.Embed(ids) : new float[model.Configuration.HiddenSize]);
            embedded?.Invoke(embeddings.Count);
        }
        return Clustered(embeddings, options);
    }

    internal static (int Clusters, CoveragePoint[] Points) Clustered(IReadOnlyList<float[]> embeddings, CoverageOptions options)
    {
        var ml = new MLContext(options.Seed);
        var width = embeddings[0].Length;
        var rank = Math.Min(options.Components, Math.Min(width, embeddings.Count));
        var clusters = Math.Min(options.Clusters, embeddings.Select(Key).Distinct().Count());
        var schema = SchemaDefinition.Create(typeof(Embedded));
        schema[nameof(Embedded.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, width);
        var data = ml.Data.LoadFromEnumerable(embeddings.Select(embedding => new Embedded { Features = embedding }), schema);
        var projection = ml.Transforms.ProjectToPrincipalComponents("Projected", nameof(Embedded.Features), rank: rank, overSampling: Math.Min(20, width - rank), ensureZeroMean: true, seed: options.Seed).Fit(data);
        var projected = ml.Data.CreateEnumerable<Place>(projection.Transform(data), reuseRowObject: false).Select(place => place.Projected).ToList();
        var assigned = clusters < 2 ? new int[projected.Count] : Assign(ml, projected, clusters);
        return (clusters, [.. projected.Zip(assigned, (place, cluster) => new CoveragePoint(cluster, place[0], place.Length > 1 ? place[1] : 0))]);
    }

    /// <summary>k-means with the k-means++ start, on one thread, so that the same seed gives the same clusters.</summary>
    private static int[] Assign(MLContext ml, List<float[]> places, int clusters)
    {
        var schema = SchemaDefinition.Create(typeof(Embedded));
        schema[nameof(Embedded.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, places[0].Length);
        var data = ml.Data.LoadFromEnumerable(places.Select(place => new Embedded { Features = place }), schema);
        var trainer = ml.Clustering.Trainers.KMeans(new KMeansTrainer.Options
        {
            NumberOfClusters = clusters, NumberOfThreads = 1, MaximumNumberOfIterations = 100, InitializationAlgorithm = KMeansTrainer.InitializationAlgorithm.KMeansPlusPlus,
        });
        var predicted = trainer.Fit(data).Transform(data);
        return [.. predicted.GetColumn<uint>("PredictedLabel").Select(label => (int)label - 1)];
    }

    public static CoverageMetrics Metrics(int clusters, IReadOnlyList<CoveragePoint> points)
    {
        var counts = Counts(clusters, points);
        return new(clusters, OccupiedShare(counts), EffectiveShare(counts), counts, points);
    }

    public static int[] Counts(int clusters, IEnumerable<CoveragePoint> points)
    {
        var counts = new int[clusters];
        foreach (var point in points) counts[point.Cluster]++;
        return counts;
    }

    public static double OccupiedShare(int[] counts) => counts.Count(count => count > 0) / (double)counts.Length;

    public static double EffectiveShare(int[] counts)
    {
        double total = counts.Sum();
        var entropy = -counts.Where(count => count > 0).Sum(count => count / total * Math.Log(count / total));
        return Math.Exp(entropy) / counts.Length;
    }

    private static string Key(float[] embedding) => Convert.ToBase64String(System.Runtime.InteropServices.MemoryMarshal.AsBytes(embedding.AsSpan()));

    private sealed class Embedded
    {
        public float[] Features { get; set; } = [];
    }

    private sealed class Place
    {
        public float[] Projected { get; set; } = [];
    }
}
