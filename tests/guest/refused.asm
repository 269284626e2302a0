; Instructions that this virtual CPU does not have, or has nothing to do for.
        %include "guest.inc"

start:  begin64
        faults  "VMXON", UD_VECTOR, 0, vmxon [memory]
        faults  "VMXOFF", UD_VECTOR, 0, vmxoff
        faults  "VMPTRLD", UD_VECTOR, 0, vmptrld [memory]
        faults  "VMPTRST", UD_VECTOR, 0, vmptrst [memory]
        faults  "VMCLEAR", UD_VECTOR, 0, vmclear [memory]
        faults  "VMREAD", UD_VECTOR, 0, vmread rax, rbx
        faults  "VMWRITE", UD_VECTOR, 0, vmwrite rax, rbx
        faults  "VMLAUNCH", UD_VECTOR, 0, vmlaunch
        faults  "VMRESUME", UD_VECTOR, 0, vmresume
        faults  "INVEPT", UD_VECTOR, 0, invept rax, [memory]
        faults  "INVVPID", UD_VECTOR, 0, invvpid rax, [memory]
        faults  "VMFUNC", UD_VECTOR, 0, vmfunc
        faults  "GETSEC", UD_VECTOR, 0, getsec
        xor     ecx, ecx
        faults  "MONITOR", UD_VECTOR, 0, monitor
        faults  "MWAIT", UD_VECTOR, 0, mwait
        xor     eax, eax        ; a CPU may look at the address first
        faults  "VMRUN", UD_VECTOR, 0, vmrun
        faults  "RSM", UD_VECTOR, 0, rsm
        mov     ecx, 0
        faults  "RDPMC", GP_VECTOR, 0, rdpmc
        works   "INVD", invd
        works   "WBINVD", wbinvd
        works   "PAUSE", pause
        mov     rax, 1
        mov     rbx, 2
        works   "hypercall", hypercall
        check_eq "hypercall: no such call", rax, -1000
        check_eq "hypercall: RBX stays", rbx, 2
        works   "INVLPG", invlpg [memory]
        works   "RDTSC", rdtsc
        finish

        section .bss
memory:         resq 2
