using System.IO.MemoryMappedFiles;

namespace Microsoft.ML.Drift.Fuzz;

/// <summary>Which input a worker is at, in a file both processes map: it outlives the worker, however that ends.</summary>
internal sealed class Progress : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    private Progress(MemoryMappedFile file) => (_file, _view) = (file, file.CreateViewAccessor());

    public static Progress Create(string path)
    {
        File.WriteAllBytes(path, new byte[64]);
        return Open(path);
    }

    public static Progress Open(string path) => new(MemoryMappedFile.CreateFromFile(path, FileMode.Open));

    /// <summary>The input being read; the one after the last when all are done.</summary>
    public long Index { get => _view.ReadInt64(0); set => _view.Write(0, value); }

    public long Accepted { get => _view.ReadInt64(8); set => _view.Write(8, value); }

    public long Refused { get => _view.ReadInt64(16); set => _view.Write(16, value); }

    /// <summary>The slowest input, in microseconds of processor time.</summary>
    public long Slowest { get => _view.ReadInt64(24); set => _view.Write(24, value); }

    /// <summary>The largest growth of memory during one input, in bytes.</summary>
    public long Largest { get => _view.ReadInt64(32); set => _view.Write(32, value); }

    /// <summary>True once the worker has read its first input.</summary>
    public bool Started { get => _view.ReadInt64(40) != 0; set => _view.Write(40, value ? 1L : 0); }

    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }
}
