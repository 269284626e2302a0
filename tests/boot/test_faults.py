"""What pxHV says when a VM entry is refused and when it breaks itself. Bochs' debugger plants the fault:
it stops at one instruction of the core and changes a register."""
import re
import struct
import subprocess

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


def run_with(boot, address, *commands):
    return boot.run(GUEST, debugger=(f"lb 0x{address}", "c", *commands, "bpd 1", "c"))


def test_bad_guest_state_is_named_with_its_rule(boot):
    address, value = vmwrite("vmx_run", 0x6820)  # guest RFLAGS
    result = run_with(boot, address, f"set {value} = 0")
    result.assert_failure()
    result.assert_backend("vmx")
    result.assert_line("VM entry failed: the guest state breaks a rule",
                       "broken rule: RFLAGS: bit 1 must be 1",
                       "Guest stopped: the CPU refused to enter the guest", "code at rip: f4 eb fe",
                       "GUEST_RFLAGS=0")
    assert result.stats["stop"] == "killed"


def test_bad_control_field_is_vmfail_valid_7(boot):
    address, value = vmwrite("vmx_init_vmcs", 0x400C)  # VM-exit controls: no default1 bits
    result = run_with(boot, address, f"set {value} = 0")
    result.assert_failure()
    result.assert_backend("vmx")
    result.assert_line("VMfailValid", "broken rule", "the CPU refused to enter", "EXIT_CTLS=0")
    assert "control" in next(line for line in result.serial.splitlines() if "VMfailValid" in line)


def test_bad_host_field_is_vmfail_valid_8(boot):
    address, value = vmwrite("vmx_init_vmcs", 0x6C02)  # host CR3, beyond the physical address width
    result = run_with(boot, address, f"set {value} = 0xffff000000000000")
    result.assert_failure()
    result.assert_backend("vmx")
    result.assert_line("VMfailValid", "broken rule", "HOST_CR3=ffff000000000000")
    assert "host" in next(line for line in result.serial.splitlines() if "VMfailValid" in line)


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


def test_an_interrupted_delivery_is_done_again(boot):
    handler, _ = disassembly("on_cpuid")[0]
    address, value = behind_vmread("vmx_run", 0x4408)  # IDT-vectoring information
    invalid_opcode = 1 << 31 | 3 << 8 | 6
    result = boot.run([(boot.asm("reinject"), "flat mode=long")], memory=128, debugger=(
        f"lb 0x{handler}", "c", "bpd 1", f"lb 0x{address}", "c", f"set {value} = {invalid_opcode:#x}",
        "bpd 2", "c"))
    result.assert_success()
    result.assert_backend("vmx")
    result.assert_line("PASS delivered once", "PASS its vector", "DONE")


def test_the_image_runs_where_grub_moved_it(boot):
    """The relocatable tag of the Multiboot2 header, with another lowest address."""
    core = pxhv.CORE.read_bytes()
    tag = struct.pack("<HHIIII", 10, 0, 24, 0x200000, 0xFFFFFFFF, 0x200000)
    assert core.count(tag) == 1
    moved = core.replace(tag, struct.pack("<HHIIII", 10, 0, 24, 0x2000000, 0xFFFFFFFF, 0x200000))
    address, _ = disassembly("vcpu_run")[0]
    result = boot.run(GUEST, core=moved, debugger=(f"lb 0x{address}", "c", f"page 0x{address}", "bpd 1", "c"))
    result.assert_success()
    result.assert_backend("vmx")
    result.assert_line("Guest executed HLT!")
    place = int(re.search(r"maps to physical page (0x[0-9a-f]+)", emulator_text(result))[1], 16)
    assert place >= 0x2000000, result.explain("it was not moved")


def emulator_text(result):
    return (result.folder / "emulator.txt").read_text(errors="replace")


def symbol(name):
    text = subprocess.run(["nm", pxhv.CORE], check=True, capture_output=True, text=True).stdout
    return int(re.search(rf"^(\w+) \w {name}$", text, re.M)[1], 16)


def test_the_map_is_the_cores_own(boot):
    """Text cannot be written, data not executed, guard pages and what the loader left are not there."""
    address, _ = disassembly("vcpu_run")[0]
    text, rodata, data = symbol("image_text"), symbol("image_rodata"), symbol("image_data")
    stacks = symbol("image_stacks")
    rights = {text: "R", rodata: "R XD", data: "W XD", stacks + 0x1000: "W XD",
              stacks: None, stacks + 0x5000: None, 0x100000: None, 0x7000: None}
    result = run_with(boot, address, *(f"page {page:#x}" for page in rights))
    result.assert_success()
    result.assert_backend("vmx")
    entry = None
    found = {}
    for line in emulator_text(result).splitlines():
        if line.startswith(" PTE:"):
            entry = ("W" if " W " in line else "R") + (" XD" if " XD " in line else "")
        if at := re.match(r"linear page (0x[0-9a-f]+) maps", line):
            found[int(at[1], 16)] = entry
        if at := re.match(r"physical address not available for linear (0x[0-9a-f]+)", line):
            found[int(at[1], 16)] = None
    assert found == rights
