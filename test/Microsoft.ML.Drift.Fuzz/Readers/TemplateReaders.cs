using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Microsoft.ML.Drift.Data;
using Microsoft.ML.Drift.Data.Jinja;

namespace Microsoft.ML.Drift.Fuzz;

/// <summary>
/// Chat templates, parsed and rendered with a hundredth of the sandbox's allowance. A template that takes long all the same does work that it does not pay for, and would take a hundred times as long
/// with the whole allowance.
/// </summary>
internal class TemplateReader : Reader
{
    private const int Part = 100;

    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(0.3);
    private static readonly RenderLimits Small = new() { Steps = RenderLimits.Default.Steps / Part, Characters = RenderLimits.Default.Characters / Part };

    private static readonly Dictionary<string, JsonElement> Variables = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>("""
        {"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"a b\n<b>é😀</b> 'x' \"y\" {{ 1 }}"},{"role":"assistant","content":"ok","tool_calls":[{"function":{"name":"f","arguments":{"a":1.5,"b":[null,true]}}}]},{"role":"user","content":""}],
         "tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}],"documents":null,"add_generation_prompt":true,"bos_token":"<s>","eos_token":"</s>"}
        """)!;

    private TemplateInputs _inputs = null!;

    public override string Name => "chat-template";

    protected virtual RenderLimits RenderLimits => Small;

    public override void Prepare(string folder) => _inputs = new();

    public override byte[] Next(FuzzRandom random) => _inputs.Next(random);

    public override void Read(byte[] input)
    {
        var before = Environment.CpuUsage.TotalTime;
        try
        {
            ChatTemplate.Parse(Encoding.UTF8.GetString(input)).RenderVariables(Variables, new DateTime(2026, 1, 2, 3, 4, 5), RenderLimits);
        }
        finally
        {
            if (RenderLimits == Small && Environment.CpuUsage.TotalTime - before is var took && took > Longest)
                throw new WrongResultException($"{took.TotalSeconds:F2} s with a hundredth of the allowance; {Longest.TotalSeconds} s are a lot.");
        }
    }

    public override bool IsPromised(Exception error) => error.GetType() == typeof(ChatTemplateException);
}

/// <summary>The same with the whole allowance: two seconds and 512 MB must be enough for any template.</summary>
internal sealed class TemplateLimitReader : TemplateReader
{
    public override string Name => "chat-template-whole";

    public override double Share => 0.02;

    public override byte[] Next(FuzzRandom random) => random.Chance(50) ? TinyModel.Utf8(random.Pick(TemplateInputs.Hostile)) : base.Next(random);

    protected override RenderLimits RenderLimits => RenderLimits.Default;
}
