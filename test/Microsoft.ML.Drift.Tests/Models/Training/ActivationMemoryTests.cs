using Microsoft.ML.Drift.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Drift.Tests.Models.Training;

public sealed class ActivationMemoryTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly ActivationMemory _memory = new();

    public void Dispose()
    {
        _memory.Dispose();
        _scope.Dispose();
    }

    [Fact]
    public void Take_OneAfterTheOther_GivesPiecesOfTheirOwn()
    {
        _memory.Begin(10_000);
        var pieces = Enumerable.Range(1, 5).Select(width => _memory.Take(7, width).fill_(width)).ToArray();

        foreach (var (piece, width) in pieces.Zip(Enumerable.Range(1, 5)))
        {
            Assert.Equal(new long[] { 7, width }, piece.shape);
            Assert.True(piece.is_contiguous());
            Assert.Equal(0, Address(piece) % 64);
            Assert.Equal(7f * width * width, piece.sum().item<float>());
        }
    }

    [Fact]
    public void Begin_AfterTheEnd_UsesTheMemoryAgain()
    {
        _memory.Begin(10_000);
        var before = Address(_memory.Take(10, 10));
        _memory.End();
        _memory.Begin(5_000);

        Assert.Equal(before, Address(_memory.Take(4, 4)));
    }

    [Fact]
    public void Begin_BeforeTheEnd_LeavesTheOtherPassItsValues()
    {
        _memory.Begin(10_000);
        var first = _memory.Take(10, 10).fill_(1);
        _memory.Begin(10_000);
        _memory.Take(10, 10).fill_(2);

        Assert.Equal(100f, first.sum().item<float>());
    }

    [Fact]
    public void Take_MoreThanWasBegunWith_HasMemoryOfItsOwn()
    {
        _memory.Begin(400);
        var (within, beyond) = (_memory.Take(10, 10).fill_(1), _memory.Take(1, 1).fill_(2));

        Assert.Equal((100f, 2f), (within.sum().item<float>(), beyond.item<float>()));
    }

    [Fact]
    public void Used_SetBack_GivesTheSamePieceAgain()
    {
        _memory.Begin(10_000);
        _memory.Take(3, 3);
        var used = _memory.Used;
        var layer = Address(_memory.Take(5, 5));
        _memory.Used = used;

        Assert.Equal(layer, Address(_memory.Take(2, 2)));
    }

    private static unsafe long Address(Tensor tensor) => (long)TensorMemory.Address(tensor);
}
