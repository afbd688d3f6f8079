// The whole circle on one machine: a model is served, its user complains, the complaints train it, the better model is served. From the repository's root:
//   dotnet run -c Release --project samples/ComplaintCircle -- MODEL [--output FOLDER]
using ComplaintCircle;
using Microsoft.ML;
using Microsoft.ML.Drift.Iteration;
using Microsoft.ML.Drift.Models;

if (args is not ([_] or [_, "--output", _]))
{
    Console.Error.WriteLine("Usage: ComplaintCircle MODEL [--output FOLDER]; MODEL is a folder or GGUF file of a chat model.");
    return 2;
}
var output = Directory.CreateDirectory(args.ElementAtOrDefault(2) ?? "circle").FullName;
var complaints = Path.Combine(output, "dsat.jsonl");
if (File.Exists(complaints))
{
    Console.Error.WriteLine($"{complaints} holds complaints of an earlier circle; remove the folder or name another with --output.");
    return 2;
}
var questions = Question.Read(Path.Combine(AppContext.BaseDirectory, "questions.jsonl"));
using var policy = CausalLM.Load(args[0]);

Answer[] before;
await using (var chat = await Chat.Start(policy, complaints))
{
    before = await chat.Ask(questions);
    foreach (var answer in before.Where(answer => !answer.Question.IsHeldOut && answer.Complaint is not null)) await chat.Complain(answer);
}

var ml = new MLContext();
var rows = ml.Data.LoadFromChatJsonLines(complaints);
Console.WriteLine($"{File.ReadLines(complaints).Count()} complaints about {questions.Count(question => !question.IsHeldOut)} answers.");
var run = ml.Drift().Trainers.Drift(policy, new DriftIterationEstimator.Options
{
    NumberOfIterations = 1,
    Sampling = new() { Generation = new() { MaxNewTokens = 64 } },
    Training = new() { LearningRate = 1e-6 },
    RunFolder = Path.Combine(output, "run"),
}).Run(rows);
using var improved = run.Transformer.Model;

await using (var chat = await Chat.Start(improved, feedbackPath: null)) Report.Write(Console.Out, before, await chat.Ask(questions));
return 0;
