using System.Numerics;
using System.Security.Cryptography;
using System.Text;

namespace Microsoft.ML.Drift.Evaluation.AlpacaEval;

/// <summary>Which output AlpacaEval shows first: decided by the instruction alone.</summary>
public static class PresentationOrder
{
    /// <summary>
    /// Whether the model's output is shown before the baseline's: <c>random.Random("is_switched_outputs" + instruction + "0").choices([False, True])[0]</c> of CPython.
    /// </summary>
    /// <param name="instruction">The instruction.</param>
    public static bool IsSwitched(string instruction)
    {
        ArgumentNullException.ThrowIfNull(instruction);
        // choices takes the second of two where random() ≥ 1/2; random()'s first bits are those of the generator's first number.
        return new MersenneTwister($"is_switched_outputs{instruction}0").Next() >= 1u << 31;
    }

    /// <summary>MT19937 (Matsumoto and Nishimura 1998), seeded with a text as CPython's <c>random.seed</c>, version 2, does.</summary>
    private sealed class MersenneTwister
    {
        private const int N = 624;
        private const int M = 397;
        private readonly uint[] _state = new uint[N];

        public MersenneTwister(string seed)
        {
            // The seed is the number whose big-endian bytes are the UTF-8 text followed by its SHA-512.
            var text = Encoding.UTF8.GetBytes(seed);
            var number = new BigInteger([.. text, .. SHA512.HashData(text)], isUnsigned: true, isBigEndian: true);
            var bytes = number.ToByteArray(isUnsigned: true);
            var key = new uint[(bytes.Length + 3) / 4];
            for (var i = 0; i < bytes.Length; i++) key[i / 4] |= (uint)bytes[i] << (8 * (i % 4));
            SeedByArray(key);
        }

        /// <summary>The first number after seeding.</summary>
        public uint Next()
        {
            // The first number needs only the first word of the next state.
            var mixed = (_state[0] & 0x80000000) | (_state[1] & 0x7fffffff);
            var y = _state[M] ^ (mixed >> 1) ^ ((mixed & 1) == 0 ? 0 : 0x9908b0dfu);
            y ^= y >> 11;
            y ^= (y << 7) & 0x9d2c5680;
            y ^= (y << 15) & 0xefc60000;
            return y ^ (y >> 18);
        }

        private void SeedByArray(uint[] key)
        {
            _state[0] = 19650218;
            for (var k = 1u; k < N; k++) _state[k] = 1812433253 * (_state[k - 1] ^ (_state[k - 1] >> 30)) + k;
            var (i, j) = (1, 0);
            for (var k = Math.Max(N, key.Length); k > 0; k--)
            {
                _state[i] = (_state[i] ^ ((_state[i - 1] ^ (_state[i - 1] >> 30)) * 1664525)) + key[j] + (uint)j;
                Advance(ref i);
                j = (j + 1) % key.Length;
            }
            for (var k = N - 1; k > 0; k--)
            {
                _state[i] = (_state[i] ^ ((_state[i - 1] ^ (_state[i - 1] >> 30)) * 1566083941)) - (uint)i;
                Advance(ref i);
            }
            _state[0] = 0x80000000;
        }

        private void Advance(ref int i)
        {
            if (++i < N) return;
            _state[0] = _state[N - 1];
            i = 1;
        }
    }
}
