; Prints each key that INT 16h AH=10h hands out, until Esc was pressed twice in a row: `key SSAA shift FF`,
; the scan code, the ASCII code and the shift flags of AH=02h (80 insert, 40 caps lock, 20 num lock, 10
; scroll lock, 08 Alt, 04 Ctrl, 02 left shift, 01 right shift; as they are when the key is read, so not
; exact for keys that are typed ahead). The keys of the editing block have AA = e0, those of the keypad 00,
; keys without ASCII 00.
%define PROGRAM "keys"
        %include "dos.inc"

ESC             equ 0x011b

start:  print_line "Press keys, Esc twice to end"
        xor     bp, bp                  ; the key before this one
.next:  call    wait_key
        movzx   ecx, ax
        mov     ah, 0x02
        int     0x16
        movzx   eax, al
        print   "key "
        print_hex 4, ecx
        print   " shift "
        print_hex 2, eax
        print_line
        cmp     cx, ESC
        jne     .other
        cmp     bp, cx
        je      .end
.other: mov     bp, cx
        jmp     .next
.end:   finish
