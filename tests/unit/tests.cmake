unit_test(io_bus devices/io_bus.c)
unit_test(timer devices/timer.c)
