# SPDX-License-Identifier: Apache-2.0
"""The parts of weft_e2e.py."""
