#!/usr/bin/env bash
# All that needs a GPU, in one go, for a machine that is lent for minutes: `benchmarks/gpu.sh [cuda|cpu]`, in the root.
# Every step on the device against the CPU, the same bytes twice, then benchmarks on the device. With `cpu` it shows
# that the script works, and nothing of GPUs. PYTHON names another Python; what is missing there is said first.
set -uo pipefail
cd "$(dirname "$0")/.."
device=${1:-cuda}
python=${PYTHON:-python}
export PROBECORE_DEVICE=$device PYTHONPATH=$PWD PYTHONUNBUFFERED=1
"$python" - "$device" << 'END' || exit 1
import sys
import torch
import probecore, h5py, hdf5plugin, numba, safetensors, statsmodels, pytest
name = torch.cuda.get_device_name() if sys.argv[1] == "cuda" else "no GPU: a dry run on the CPU"
print(f"torch {torch.__version__}, {name}")
END
ended=0
"$python" -m pytest -q tests/gpu -m "gpu or not gpu" -p no:cacheprovider -o addopts="--strict-markers --import-mode=importlib" || ended=1
quick=$([ "$device" = cpu ] && echo --quick)
"$python" benchmarks/growth.py --quick --device "$device" ${quick:+--only mean_dimension} || ended=1
"$python" benchmarks/plan.py ${quick:---only torchvision:resnet50} --device "$device" || ended=1
exit $ended
