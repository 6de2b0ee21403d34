# SPDX-License-Identifier: Apache-2.0
"""What the suites share: servers started and stopped, clients that speak raw bytes, sizes of the tier."""
