"""Packs the part of the recordings that the repository carries: python3 eng/pack_recordings.py ../shared/golden test/Microsoft.ML.Drift.Tests/Recordings/golden.zip"""
import pathlib
import sys
import zipfile

# Only what was made for the recordings: random models, made-up texts, and what the reference implementations compute from them.
PARTS = [
    "hf/models/llama_bf16",
    "hf/processors.json",
    "losses/losses.json",
    "trl/policy",
    "trl/pairs.jsonl",
    "trl/pairs_plain.jsonl",
    "trl/runs/peft_lora",
    "trl/runs/peft_lora_nonzero",
    "trl/runs/plain",
    "tokenizers/synthetic/bytelevel_split_sequence_ignore_merges",
    "tokenizers/synthetic/metaspace_first",
    "tokenizers/synthetic/sentencepiece_byte_fallback",
    "tokenizers/synthetic/unigram",
    "chat-templates/jinja-features.jsonl",
]


def main(source: pathlib.Path, target: pathlib.Path) -> None:
    files = sorted(file for part in PARTS for file in ([source / part] if (source / part).is_file() else (source / part).rglob("*")) if file.is_file())
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in files:
            # A fixed time, so that equal content gives equal bytes.
            entry = zipfile.ZipInfo(file.relative_to(source).as_posix(), (2025, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes(), compresslevel=9)
    print(f"{target}: {len(files)} files, {target.stat().st_size:,} bytes")


main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
