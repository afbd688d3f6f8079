namespace Microsoft.ML.Drift.Models;

/// <summary>Matrix products shared by a team: Y = X Wᵀ + b, Y += (X Wᵀ + b) · factor, and activation(X Gᵀ) · X Uᵀ.</summary>
internal sealed unsafe class TeamProducts : IDisposable
{
    private const int PartsPerWorker = 16;
    private const int RowsPerLowering = 8;
    private const int FewestColumns = 24;   // a multiple of RowProducts.TileColumns, as is every number of columns but the last

    private readonly WorkerTeam _team;
    private readonly WorkingMemory[] _scratch, _deltaScratch, _wide;
    private readonly List<WorkingMemory> _low = [];
    private readonly Action<int, int> _store, _add, _gate, _lower;

    // The product being computed.
    private WeightPointer _matrix = new(0, 0, 0, 0);
    private float* _x;
    private float* _y;
    private float _factor;
    private Activation _activation;
    private int _rows, _rowsPerPart, _outputs, _columnsPerPart, _columnParts;

    public TeamProducts(WorkerTeam team)
    {
        _team = team;
        _scratch = [.. Enumerable.Range(0, team.Size).Select(_ => new WorkingMemory())];
        _deltaScratch = [.. Enumerable.Range(0, team.Size).Select(_ => new WorkingMemory())];
        _wide = [.. Enumerable.Range(0, team.Size).Select(_ => new WorkingMemory())];
        (_store, _add, _gate, _lower) = (StorePart, AddPart, GatePart, LowerPart);
    }

    /// <summary>y = x Wᵀ + b.</summary>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="rows">Rows of x.</param>
    /// <param name="matrix">W and b.</param>
    /// <param name="y">[rows, outputs].</param>
    public void Store(float* x, int rows, WeightPointer matrix, float* y) => Run(x, rows, matrix, y, matrix.Outputs, _store);

    /// <summary>y += (x Wᵀ + b) · factor.</summary>
    public void Add(float* x, int rows, WeightPointer matrix, float* y, double factor)
    {
        _factor = (float)factor;
        Run(x, rows, matrix, y, matrix.Outputs, _add);
    }

    /// <summary>y = activation(x Gᵀ) · x Uᵀ for G above U in one matrix.</summary>
    public void Gate(float* x, int rows, WeightPointer matrix, float* y, Activation activation)
    {
        _activation = activation;
        Run(x, rows, matrix, y, matrix.Outputs / 2, _gate);
    }

    public void Dispose()
    {
        foreach (var memory in _scratch.Concat(_deltaScratch).Concat(_wide).Concat(_low)) memory.Dispose();
    }

    private void Run(float* x, int rows, WeightPointer matrix, float* y, int outputs, Action<int, int> work)
    {
        _x = x;
        _rows = rows;
        _matrix = matrix;
        _y = y;
        _outputs = outputs;
        if (matrix.Deltas.Count > 0) Lower();
        _rowsPerPart = Math.Min(rows, RowProducts.RowsPerBlock(matrix.Inputs));
        var columns = (outputs / (_team.Size * PartsPerWorker) + RowProducts.TileColumns - 1) / RowProducts.TileColumns * RowProducts.TileColumns;
        _columnsPerPart = Math.Max(FewestColumns, columns);
        _columnParts = (outputs + _columnsPerPart - 1) / _columnsPerPart;
        _team.Run(_columnParts * ((rows + _rowsPerPart - 1) / _rowsPerPart), work);
    }

    private (int Row, int Rows, int Column, int Columns) Place(int part)
    {
        var (row, column) = (part / _columnParts * _rowsPerPart, part % _columnParts * _columnsPerPart);
        return (row, Math.Min(_rowsPerPart, _rows - row), column, Math.Min(_columnsPerPart, _outputs - column));
    }

    private void StorePart(int part, int worker)
    {
        var (row, rows, column, columns) = Place(part);
        var y = _y + (nint)row * _outputs + column;
        Multiply(row, rows, column, columns, y, _outputs, worker);
    }

    private void AddPart(int part, int worker)
    {
        var (row, rows, column, columns) = Place(part);
        var sums = _scratch[worker].Reserve(rows, columns);
        Multiply(row, rows, column, columns, sums, columns, worker);
        for (var i = 0; i < rows; i++)
        {
            var target = _y + (nint)(row + i) * _outputs + column;
            if (_factor == 1) VectorMath.Add(target, sums + (nint)i * columns, columns);
            else VectorMath.AddScaled(target, sums + (nint)i * columns, _factor, columns);
        }
    }

    private void GatePart(int part, int worker)
    {
        var (row, rows, column, columns) = Place(part);
        var ups = _scratch[worker].Reserve(rows, columns);
        var gates = _y + (nint)row * _outputs + column;
        Multiply(row, rows, column, columns, gates, _outputs, worker);
        Multiply(row, rows, _outputs + column, columns, ups, columns, worker);
        for (var i = 0; i < rows; i++) VectorMath.Gate(gates + (nint)i * _outputs, ups + (nint)i * columns, columns, _activation);
    }

    private void Multiply(int row, int rows, int column, int columns, float* y, nint stride, int worker)
    {
        var x = _x + (nint)row * _matrix.Inputs;
        if (_matrix.Quantized is { } quantized) QuantizedProducts.Multiply(x, _matrix.Inputs, rows, quantized, column, columns, y, stride, _wide[worker]);
        else RowProducts.Multiply(x, _matrix.Inputs, rows, (float*)_matrix.Weight, _matrix.Inputs, column, columns, y, stride);
        for (var i = 0; i < _matrix.Deltas.Count; i++) AddDelta(i, row, rows, column, columns, y, stride, worker);
        if (_matrix.Bias == 0) return;
        for (var i = 0; i < rows; i++) VectorMath.Add(y + i * stride, (float*)_matrix.Bias + column, columns);
    }

    /// <summary>x Aᵀ of every adapter of the matrix.</summary>
    private void Lower()
    {
        while (_low.Count < _matrix.Deltas.Count) _low.Add(new());
        for (var i = 0; i < _matrix.Deltas.Count; i++) _low[i].Reserve(_rows, _matrix.Deltas[i].Rank);
        _team.Run((_rows + RowsPerLowering - 1) / RowsPerLowering, _lower);
    }

    private void LowerPart(int part, int worker)
    {
        var row = part * RowsPerLowering;
        var (rows, inputs) = (Math.Min(RowsPerLowering, _rows - row), _matrix.Inputs);
        for (var i = 0; i < _matrix.Deltas.Count; i++)
        {
            var delta = _matrix.Deltas[i];
            RowProducts.Multiply(_x + (nint)row * inputs, inputs, rows, (float*)delta.Down, inputs, 0, delta.Rank, _low[i].Start + (nint)row * delta.Rank, delta.Rank);
        }
    }

    /// <summary>What an adapter adds to these columns, as far as they are its own.</summary>
    private void AddDelta(int index, int row, int rows, int column, int columns, float* y, nint stride, int worker)
    {
        var delta = _matrix.Deltas[index];
        var (first, end) = (Math.Max(column, delta.Start), Math.Min(column + columns, delta.Start + delta.Outputs));
        if (first >= end) return;
        var (own, count) = (first - delta.Start, end - first);
        var sums = _deltaScratch[worker].Reserve(rows, count);
        RowProducts.Multiply(_low[index].Start + (nint)row * delta.Rank, delta.Rank, rows, (float*)delta.Up, delta.Rank, own, count, sums, count);
        for (var i = 0; i < rows; i++)
        {
            var target = y + i * stride + first - column;
            VectorMath.AddScaled(target, sums + (nint)i * count, delta.Scale, count);
            if (delta.Factors != 0) VectorMath.Multiply(target, (float*)delta.Factors + own, count);
        }
    }
}
