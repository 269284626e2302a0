"""What pxHV says when a VM entry is refused and when it breaks itself. Bochs' debugger plants the fault:
it stops at one instruction of the core and changes a register or the VMCB."""
import re
import struct
import subprocess

import pytest

import pxhv

GUEST = [(pxhv.BUILD / "hlt.bin", "flat mode=long")]
LOW = {f"e{r}": f"r{r}" for r in ("ax", "bx", "cx", "dx", "si", "di", "bp")}
LOW.update({f"r{n}d": f"r{n}" for n in range(8, 16)})


def disassembly(function):
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", f"--disassemble={function}", pxhv.CORE],
                          check=True, capture_output=True, text=True).stdout
    return re.findall(r"^(ffffffff\w+):\s+(\S.*?)\s*(?:#.*)?$", text, re.M)


def vmwrite(function, field):
    """Where the function writes this VMCS field first, and the register with the value."""
    holder = None
    for address, insn in disassembly(function):
        if loaded := re.fullmatch(rf"mov +\${field:#x},%(\w+)", insn):
            holder = LOW.get(loaded[1])
        written = re.fullmatch(r"vmwrite +%(\w+),%(\w+)", insn)
        if written and written[2] == holder:
            return address, written[1]
    raise AssertionError(f"{function} does not write field {field:#x}")


def behind_vmread(function, field):
    """The instruction behind the VMREAD of this field, and the register with the value."""
    holder, found = None, None
    for address, insn in disassembly(function):
        if found:
            return address, found
        if loaded := re.fullmatch(rf"mov +\${field:#x},%(\w+)", insn):
            holder = LOW.get(loaded[1])
        read = re.fullmatch(r"vmread +%(\w+),%(\w+)", insn)
        if read and read[1] == holder:
            found = read[2]
    raise AssertionError(f"{function} does not read field {field:#x}")


def run_with(boot, address, *commands, platform="vmx"):
    return boot.run(GUEST, platform=platform,
                    debugger=(f"lb 0x{address}", "c", *commands, "bpd 1", "c"))


def vmrun():
    """VMRUN and the instruction behind it; at both RAX is the physical address of the VMCB."""
    addresses = [address for address, _ in disassembly("svm_enter")]
    at = next(n for n, (_, insn) in enumerate(disassembly("svm_enter")) if insn.startswith("vmrun"))
    return addresses[at:at + 2]


def test_bad_guest_state_is_named_with_its_rule(boot):
    address, value = vmwrite("vmx_run", 0x6820)  # guest RFLAGS
    result = run_with(boot, address, f"set {value} = 0")
    result.assert_failure()
    result.assert_backend()
    result.assert_line("VM entry failed: the guest state breaks a rule",
                       "broken rule: RFLAGS: bit 1 must be 1",
                       "Guest stopped: the CPU refused to enter the guest", "code at rip: f4 eb fe",
                       "GUEST_RFLAGS=0")
    assert result.stats["stop"] == "killed"


def test_bad_control_field_is_vmfail_valid_7(boot):
    address, value = vmwrite("vmx_init_vmcs", 0x400C)  # VM-exit controls: no default1 bits
    result = run_with(boot, address, f"set {value} = 0")
    result.assert_failure()
    result.assert_backend()
    result.assert_line("VMfailValid", "broken rule", "the CPU refused to enter", "EXIT_CTLS=0")
    assert "control" in next(line for line in result.serial.splitlines() if "VMfailValid" in line)


def test_bad_host_field_is_vmfail_valid_8(boot):
    address, value = vmwrite("vmx_init_vmcs", 0x6C02)  # host CR3, beyond the physical address width
    result = run_with(boot, address, f"set {value} = 0xffff000000000000")
    result.assert_failure()
    result.assert_backend()
    result.assert_line("VMfailValid", "broken rule", "HOST_CR3=ffff000000000000")
    assert "host" in next(line for line in result.serial.splitlines() if "VMfailValid" in line)


# Offset in the VMCB, value: the rule, and what the dump shows. Only of the control area: when Bochs refuses a
# VMCB, it writes the host's state over the guest's.
BAD_VMCB = {
    "asid": (0x58, 0, "ASID: must not be 0", "ASID=0"),
    "vmrun": (0x10, 0, "intercepts: VMRUN must be one of them", "INTERCEPTS1=0"),
}


@pytest.mark.parametrize("what", BAD_VMCB)
def test_bad_vmcb_is_named_with_its_rule(boot, what):
    offset, value, rule, shown = BAD_VMCB[what]
    result = run_with(boot, vmrun()[0], f"setpmem rax+{offset:#x} 4 {value:#x}", platform="svm-bochs")
    result.assert_failure()
    result.assert_backend()
    result.assert_line("VMRUN refused the VMCB (VMEXIT_INVALID)", f"broken rule: {rule}",
                       "Guest stopped: the CPU refused to enter the guest", "VMCB:")
    assert re.search(rf"\b{shown}\b", result.serial), result.explain(f"the dump lacks {shown}")
    assert result.serial.count("broken rule") == 1, result.explain("more than one rule")
    assert result.stats["stop"] == "killed"


def test_a_fault_of_the_core_ends_in_a_report(boot):
    address, _ = disassembly("vcpu_run")[0]
    result = run_with(boot, address, "set rdi = 0x123456789000", f"set rip = 0x{disassembly('vm_kill')[0][0]}")
    result.assert_failure()
    result.assert_line("The last lines of the log:", "VMXON executed successfully!",
                       "pxHV panic (a bug in pxHV, please report it): exception 14", "rip ", "#0 ")
    assert re.search(r"#\d vm_kill\+0x|#\d set_stop\+0x", result.serial), result.explain("no symbols")


def test_vt_x_locked_off_by_firmware_is_said(boot):
    address, _ = disassembly("vmx_feature_control")[0]
    result = run_with(boot, address, "set rdi = 1")  # IA32_FEATURE_CONTROL: locked, VMXON not allowed
    result.assert_failure()
    result.assert_line("firmware locked it off: look for 'Intel Virtualization Technology'",
                       "this computer cannot run a guest")
    assert "VMXON" not in result.serial
    result.assert_backend("none")


def test_amd_v_locked_off_by_firmware_is_said(boot):
    call = next(n for n, (_, insn) in enumerate(disassembly("probe")) if "$0xc0010114" in insn)
    rdmsr, behind = disassembly("msr_read_safe.fault")[:2]
    assert rdmsr[1] == "rdmsr"
    result = run_with(boot, disassembly("probe")[call][0], f"lb 0x{behind[0]}", "c",
                      "set rax = 0x18", "bpd 2", platform="svm-bochs")  # VM_CR: SVMDIS and LOCK
    result.assert_failure()
    result.assert_line("the CPU has AMD-V but firmware locked it off: look for 'SVM Mode'",
                       "this computer cannot run a guest")
    assert "turned on" not in result.serial
    result.assert_backend("none")


def reinject(boot, platform, *commands):
    """The second exit for CPUID is stopped and changed by the commands."""
    handler, _ = disassembly("on_cpuid")[0]
    result = boot.run([(boot.asm("reinject"), "flat mode=long")], platform=platform, memory=128,
                      debugger=(f"lb 0x{handler}", "c", "bpd 1", *commands, "bpd 2", "c"))
    result.assert_success()
    result.assert_backend()
    result.assert_line("PASS delivered once", "PASS its vector", "DONE")


INVALID_OPCODE = 1 << 31 | 3 << 8 | 6  # as VT-x and AMD-V both write an interrupted delivery


def test_an_interrupted_delivery_is_done_again(boot):
    address, value = behind_vmread("vmx_run", 0x4408)  # IDT-vectoring information
    reinject(boot, "vmx", f"lb 0x{address}", "c", f"set {value} = {INVALID_OPCODE:#x}")


def test_an_interrupted_delivery_is_done_again_with_amd_v(boot):
    reinject(boot, "svm-bochs", f"lb 0x{vmrun()[1]}", "c",
             f"setpmem rax+0x88 4 {INVALID_OPCODE:#x}")  # EXITINTINFO
