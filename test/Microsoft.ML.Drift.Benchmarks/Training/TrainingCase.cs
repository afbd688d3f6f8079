using System.Diagnostics;
using Microsoft.ML.Drift.Models;
using TorchSharp;

namespace Microsoft.ML.Drift.Benchmarks.Training;

/// <summary>Work whose memory is measured in a process of its own.</summary>
/// <param name="Model">Whose weights.</param>
/// <param name="Shape">On which pairs.</param>
/// <param name="Plan">By which plan.</param>
/// <param name="Steps">Optimizer steps; 0: only the log-probs of the first batch under the reference.</param>
/// <param name="MaxMemory">Bytes beside the weights; ours only.</param>
internal sealed record TrainingCase(ModelSource Model, TrainingShape Shape, PlanKind Plan, int Steps, long? MaxMemory = null)
{
    /// <summary>Does the work in this process, which has done nothing else yet.</summary>
    public CaseResult Run()
    {
        var empty = ProcessMemory.Resident();
        var model = Model.Load();
        using var plan = TrainingPlans.Create(Plan, model, Shape.MakePairs(model.Configuration.VocabularySize), Shape.Batch, MaxMemory);
        // The plans have copied it. Ours trains the one policy, as drift train does; TRL holds policy and reference.
        var weights = (Plan.IsOurs() ? 1 : 2) * model.ParameterCount * sizeof(float);
        var estimate = (plan as OurPlan)?.EstimatedBytes;
        model.Dispose();
        GC.Collect();
        ProcessMemory.ResetPeak();
        var before = ProcessMemory.Resident();
        using var heap = new HeapSampler();
        var steps = new List<StepCost>();
        if (Steps == 0) Add(() => plan.Score());
        if (Steps > 0 && plan is OurPlan ours) ours.ComputeReference();
        for (var step = 0; step < Steps; step++) Add(() => plan.Step());
        return new CaseResult(empty, weights, before, ProcessMemory.Peak(), heap.Stop(), estimate, steps);

        void Add(Action work)
        {
            var clock = Stopwatch.StartNew();
            work();
            steps.Add(new(clock.Elapsed.TotalSeconds, ProcessMemory.Resident(), DisposeScopeManager.Statistics.ThreadTotalLiveCount));
        }
    }
}

/// <summary>What was measured; all in bytes.</summary>
/// <param name="Empty">Resident before the model was loaded: runtime and code.</param>
/// <param name="Weights">The weights of the models that the plan holds.</param>
/// <param name="Before">Resident before the work.</param>
/// <param name="Peak">Most that was resident during the work.</param>
/// <param name="Heap">Most that the native heap held during the work; null where the C library does not tell.</param>
/// <param name="Estimate">What the planner expects to be taken beside the weights; null where there is no planner.</param>
/// <param name="Steps">Each step.</param>
internal sealed record CaseResult(long Empty, long Weights, long Before, long Peak, HeapPeak? Heap, long? Estimate, IReadOnlyList<StepCost> Steps)
{
    /// <summary>Peak beside what was there before the work.</summary>
    public long Added => Peak - Before;

    /// <summary>The steps' times, the first left out where there are others: it touches memory for the first time.</summary>
    public Timing Timing(string name) => new(name, [.. Steps.Skip(Steps.Count > 1 ? 1 : 0).Select(step => step.Seconds)]);
}

/// <summary>A step's time, and what the process had after it.</summary>
/// <param name="Seconds">Its time.</param>
/// <param name="Resident">Bytes resident after it.</param>
/// <param name="Tensors">Live tensor handles after it.</param>
internal sealed record StepCost(double Seconds, long Resident, long Tensors);
