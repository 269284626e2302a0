; A stand-in for the core, to test the harness itself: prints the command lines that GRUB hands over,
; echoes a line, prints figures and ends the emulator. The word "fail" first in the options: by failure.
        bits    32
        section .text
        align   8
header: dd      0xE85250D6, 0, .end - header, -(0xE85250D6 + (.end - header))
        dw      0, 0
        dd      8
.end:

        global  _start
_start: lea     esi, [ebx + 8]          ; the first tag, past the total size
.tag:   mov     eax, [esi]
        test    eax, eax
        jz      .tags_done
        lea     edi, [esi + 8]
        cmp     eax, 1                  ; boot command line
        jne     .not_options
        mov     ebp, edi
        jmp     .show
.not_options:
        cmp     eax, 3                  ; module: start and end, then its text
        jne     .next
        add     edi, 8
.show:  mov     al, '['
        call    put
        call    puts
        mov     edi, close
        call    puts
.next:  mov     eax, [esi + 4]
        add     eax, 7
        and     eax, -8
        add     esi, eax
        jmp     .tag
.tags_done:
        cmp     dword [ebp], 'echo'
        jne     .figures
.echo:  mov     dx, 0x3FD
        in      al, dx
        test    al, 1
        jz      .echo
        mov     dx, 0x3F8
        in      al, dx
        call    put
        cmp     al, 13
        jne     .echo
.figures:
        mov     edi, stats
        call    puts
        cmp     dword [ebp], 'fail'
        je      fail
        cmp     dword [ebp], 'hang'
        je      $
        mov     dx, 0x8A00              ; Bochs: breaks into the debugger, which quits with 0
        mov     ax, 0x8A00
        out     dx, ax
        mov     ax, 0x8AE0
        out     dx, ax
        mov     al, 0x10                ; QEMU: isa-debug-exit
        out     0xF4, al
fail:   mov     edi, shutdown           ; Bochs: the word "Shutdown" is a panic
        mov     dx, 0x8900
.next:  mov     al, [edi]
        out     dx, al
        inc     edi
        cmp     byte [edi], 0
        jne     .next
        mov     al, 0x11
        out     0xF4, al
        jmp     $

puts:   mov     al, [edi]               ; edi: text
        test    al, al
        jz      .end
        call    put
        inc     edi
        jmp     puts
.end:   ret

put:    push    eax                     ; al: waits until it is out, or the exit would lose it
        mov     dx, 0x3F8
        out     dx, al
.wait:  mov     dx, 0x3FD
        in      al, dx
        test    al, 0x40
        jz      .wait
        pop     eax
        ret

close:  db      "]", 10, 0
stats:  db      10, 'PXHV-STATS {"backend":"none","exits":{}}', 10, 0
shutdown:
        db      "Shutdown", 0
