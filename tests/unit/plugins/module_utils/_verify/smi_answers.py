# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of nvidia-smi that are written here, after the elements of recorded ones (drivers 535 to 595).

They stand in for GPUs that nobody has here: a well one, and what becomes of it by replacing a line.
"""

from __future__ import annotations

GPU = """
<gpu id="00000000:{bus}:00.0">
 <product_name>NVIDIA H100 80GB HBM3</product_name>
 <persistence_mode>Enabled</persistence_mode>
 <mig_mode><current_mig>Disabled</current_mig><pending_mig>Disabled</pending_mig></mig_mode>
 <serial>1650222000{bus}</serial>
 <uuid>GPU-00000000-0000-0000-0000-0000000000{bus}</uuid>
 <fabric><state>Completed</state><status>Success</status><cliqueId>0</cliqueId></fabric>
 <gpu_reset_status><reset_required>Requested functionality has been deprecated</reset_required></gpu_reset_status>
 <gpu_recovery_action>None</gpu_recovery_action>
 <pci><pci_gpu_link_info>
  <pcie_gen><max_link_gen>5</max_link_gen><current_link_gen>5</current_link_gen></pcie_gen>
  <link_widths><max_link_width>16x</max_link_width><current_link_width>16x</current_link_width></link_widths>
 </pci_gpu_link_info></pci>
 <performance_state>P0</performance_state>
 <clocks_event_reasons>
  <clocks_event_reason_gpu_idle>Not Active</clocks_event_reason_gpu_idle>
  <clocks_event_reason_hw_slowdown>Not Active</clocks_event_reason_hw_slowdown>
  <clocks_event_reason_hw_thermal_slowdown>Not Active</clocks_event_reason_hw_thermal_slowdown>
  <clocks_event_reason_hw_power_brake_slowdown>Not Active</clocks_event_reason_hw_power_brake_slowdown>
  <clocks_event_reason_sw_thermal_slowdown>Not Active</clocks_event_reason_sw_thermal_slowdown>
 </clocks_event_reasons>
 <ecc_mode><current_ecc>Enabled</current_ecc><pending_ecc>Enabled</pending_ecc></ecc_mode>
 <ecc_errors><volatile>
  <sram_correctable>7</sram_correctable>
  <sram_uncorrectable_parity>0</sram_uncorrectable_parity>
  <sram_uncorrectable_secded>0</sram_uncorrectable_secded>
  <dram_uncorrectable>0</dram_uncorrectable>
 </volatile></ecc_errors>
 <retired_pages>
  <multiple_single_bit_retirement><retired_count>N/A</retired_count></multiple_single_bit_retirement>
  <double_bit_retirement><retired_count>N/A</retired_count></double_bit_retirement>
  <pending_retirement>N/A</pending_retirement>
 </retired_pages>
 <remapped_rows>
  <remapped_row_pending>No</remapped_row_pending>
  <remapped_row_failure>No</remapped_row_failure>
 </remapped_rows>
 <temperature><gpu_temp>38 C</gpu_temp><gpu_temp_tlimit>49 C</gpu_temp_tlimit></temperature>
</gpu>
"""


def answer(*gpus: str) -> str:
    """The whole answer for these GPUs."""
    version = "<driver_version>570.124.06</driver_version>"
    return f"<?xml version='1.0' ?>\n<nvidia_smi_log>{version}{''.join(gpus)}</nvidia_smi_log>"


def gpu(*replaced: tuple[str, str], bus: str = "41") -> str:
    """One GPU, with texts replaced; a text that is not there fails."""
    text = GPU
    for old, new in replaced:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text.format(bus=bus)


def element(name: str, old: str, new: str) -> tuple[str, str]:
    return f"<{name}>{old}</{name}>", f"<{name}>{new}</{name}>"
