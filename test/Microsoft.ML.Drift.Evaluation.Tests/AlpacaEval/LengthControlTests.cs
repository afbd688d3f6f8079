using Microsoft.ML.Drift.Evaluation.AlpacaEval;

namespace Microsoft.ML.Drift.Evaluation.Tests.AlpacaEval;

public sealed class LengthControlTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("drift-lc-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Fit_OneFeature_SatisfiesTheOptimalityCondition()
    {
        // One coefficient, one feature of 1, labels 0.9 and 0.7: minimize |β| + 10·[2·log(1 + e^β) − 1.6·β].
        // β > 0: 1 + 10·(2σ(β) − 1.6) = 0, so σ(β) = 0.75 and β = ln 3.
        LogisticRow[] rows = [new([1], 0.9, 1), new([1], 0.7, 1)];

        Assert.Equal(Math.Log(3), Logistic.Fit(rows, 10)[0], 1e-10);
    }

    [Fact]
    public void Fit_WeakStrength_PenaltyKeepsTheCoefficientAtZero()
    {
        // At β = 0 the slope is C·(2·½ − 1.6) = −0.6·C, less than 1 in size for C < 1/0.6.
        LogisticRow[] rows = [new([1], 0.9, 1), new([1], 0.7, 1)];

        Assert.Equal(0, Logistic.Fit(rows, 1.6)[0]);
        Assert.True(Logistic.Fit(rows, 1.7)[0] > 0);
    }

    [Fact]
    public void Fit_SeparableRows_StaysFinite()
    {
        // All labels 1: |β| + C·2·log(1 + e^−β) has its minimum where 2C·σ(−β) = 1, β = ln(2C − 1).
        LogisticRow[] rows = [new([1], 1, 1), new([1], 1, 1)];

        Assert.Equal(Math.Log(2 * 1e4 - 1), Logistic.Fit(rows, 1e4)[0], 1e-8);
    }

    [Fact]
    public void Compute_Minimal_LongerOutputsThatWinByLengthAlone_AreBroughtBack()
    {
        // The judge prefers longer outputs whatever they say: the raw win rate is high, the length-controlled one is a half.
        var rows = Enumerable.Range(0, 200).Select(i =>
        {
            var longer = i % 4 != 0;
            return new AlpacaEvalAnnotation { Row = i, Preference = longer ? 1.9 : 1.1, BaselineLength = 1000, OutputLength = longer ? 1500 : 500 };
        }).ToArray();

        var metrics = AlpacaEvalMetrics.Compute(rows, new LengthControl { Formula = LengthControlFormula.Minimal, RegularizationStrength = 1e4 });

        Assert.Equal(70, metrics.WinRate, 1e-9);
        Assert.Equal(50, metrics.LengthControlled!.WinRate, 0.1);
        Assert.True(metrics.LengthControlled.Weights.Length < 0);
    }

    [Fact]
    public void Compute_BaselineAgainstItself_IsNotFitted()
    {
        var metrics = AlpacaEvalMetrics.Compute([new() { Preference = 1.5, OutputLength = 3, BaselineLength = 3 }], new LengthControl { Formula = LengthControlFormula.Minimal });

        Assert.Equal(new LengthControlledWinRate(50, 0, default, double.NaN, null), metrics.LengthControlled);
    }

    [Fact]
    public void Compute_ByPosition_TakesTheDifficultyOfTheRowsPlace()
    {
        WriteData(difficulties: [0, 3, -3]);
        var data = LengthControlData.Load(_folder);
        var control = new LengthControl { Data = data, RegularizationStrength = 10 };
        AlpacaEvalAnnotation[] rows = [new() { Row = 0, Preference = 1.2, OutputLength = 5, BaselineLength = 9 }, new() { Row = 1, Preference = 1.9, OutputLength = 4, BaselineLength = 9 }];
        AlpacaEvalAnnotation[] moved = [rows[0], new() { Row = 2, Preference = 1.9, OutputLength = 4, BaselineLength = 9 }];

        Assert.NotEqual(control.Compute(rows).WinRate, control.Compute(moved).WinRate);
        Assert.Contains("row 3", Assert.Throws<ArgumentException>(() => control.Compute([new() { Row = 3, Preference = 1.2, OutputLength = 1 }])).Message);
    }

    [Fact]
    public void Settings_Bad_AreRefusedTogether()
    {
        var message = Assert.Throws<ArgumentException>(() => new LengthControl { RegularizationStrength = 0 }.Compute([new() { Preference = 1.2 }])).Message;

        Assert.Contains("RegularizationStrength is 0", message);
        Assert.Contains("Data is null", message);
    }

    [Fact]
    public void Load_AuthorsOwnFile_GivesTheSameRows()
    {
        WriteData([0, 3, -3]);
        var own = Fit();
        File.Delete(Path.Combine(_folder, "gamed_baseline.csv"));
        // Lengths 7 and 2 code points shorter: d = 7, 2; sd (n − 1) = 5/√2, so std_delta_len = 7√2/5 and 2√2/5.
        File.WriteAllText(Path.Combine(_folder, "df_gamed.csv"), $"model,index,std_delta_len,preference\nv,0,{7 * Math.Sqrt(2) / 5:R},0.8\nv,2,{2 * Math.Sqrt(2) / 5:R},0.1\n");

        Assert.Equal(own, Fit(), 1e-10);

        double Fit() => new LengthControl { Data = LengthControlData.Load(_folder), RegularizationStrength = 30 }
            .Compute([new() { Preference = 1.2, OutputLength = 5, BaselineLength = 9 }, new() { Row = 1, Preference = 1.9, OutputLength = 14, BaselineLength = 9 }]).WinRate;
    }

    [Theory]
    [InlineData("v,7,1,2,0.5", "index")]
    [InlineData("v,0,1,2,1.5", "preference_surrogate")]
    [InlineData("v,0,-1,2,0.5", "len_output")]
    public void Load_BadRegularizingRow_NamesFileLineAndField(string line, string field)
    {
        WriteData([0, 1, 2]);
        File.AppendAllText(Path.Combine(_folder, "gamed_baseline.csv"), line + "\n");

        var message = Assert.Throws<InvalidDataException>(() => LengthControlData.Load(_folder)).Message;

        Assert.Contains("gamed_baseline.csv, line 4", message);
        Assert.Contains($"\"{field}\"", message);
    }

    private void WriteData(double[] difficulties)
    {
        File.WriteAllText(Path.Combine(_folder, "instruction_difficulty.csv"), "index,instruction_difficulty\n" + string.Concat(difficulties.Select((value, i) => $"{i},{value}\n")));
        File.WriteAllText(Path.Combine(_folder, "gamed_baseline.csv"), "model,index,len_output,len_baseline,preference_surrogate\nv,0,3,10,0.8\nv,2,8,10,0.1\n");
    }
}
