namespace Microsoft.ML.Drift.Persistence;

/// <summary>One folder of entries in a model file: as ML.NET hands it out while loading, or read from the zip directly.</summary>
internal interface IModelEntries
{
    /// <summary>The full name of an entry of this folder, for messages.</summary>
    string NameOf(string name);

    /// <summary>Unpacks an entry into a temporary file, which lives as long as the call.</summary>
    /// <param name="name">Its name in this folder.</param>
    /// <param name="longest">The most bytes it may have.</param>
    /// <param name="read">Reads it.</param>
    /// <exception cref="InvalidDataException">The entry is missing, too large, or cannot be unpacked.</exception>
    T Open<T>(string name, long longest, Func<FileStream, T> read);
}
