/* Shows a process another processor than the one it runs on, to see whether its numbers depend on it.
 *
 * Numerical libraries ask the instruction CPUID who made the processor, what it can and how large its caches are, and
 * choose their code by the answers. Linux can have CPUID trap (arch_prctl ARCH_CPUID, where /proc/cpuinfo lists
 * cpuid_fault); this library answers the trap. It only hides and renames: what it names must be able to run here.
 *
 *   gcc -shared -fPIC -O2 -o other_processor.so other_processor.c
 *   OTHER_PROCESSOR=amd,512,32768 LD_PRELOAD=./other_processor.so python ...     vendor, L2 and L3 in KiB
 *
 * Vendors: amd (Zen 2), intel (this vendor's own numbers, without AVX-512). glibc's loader has asked before it loads.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define ARCH_SET_CPUID 0x1012
#define BIT(n) (UINT32_C(1) << (n))
#define LINE 64

typedef struct {
    uint32_t eax, ebx, ecx, edx;
} answer;

static int amd;
static uint32_t l2_kib, l3_kib;
static struct sigaction previous;

/* syscall() of libc may be traced or wrapped; the handler must not depend on it. */
static long allow_cpuid(long on) {
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"((long)SYS_arch_prctl), "D"((long)ARCH_SET_CPUID), "S"(on)
                     : "rcx", "r11", "memory");
    return result;
}

static answer ask(uint32_t leaf, uint32_t subleaf) {
    answer a;
    __asm__ volatile("cpuid" : "=a"(a.eax), "=b"(a.ebx), "=c"(a.ecx), "=d"(a.edx) : "0"(leaf), "2"(subleaf));
    return a;
}

static answer name_of_vendor(uint32_t highest_leaf) {
    answer a = {highest_leaf, 0, 0, 0};
    memcpy(&a.ebx, "Auth", 4);
    memcpy(&a.edx, "enti", 4);
    memcpy(&a.ecx, "cAMD", 4);
    return a;
}

static void hide_avx512(uint32_t leaf, uint32_t subleaf, answer *a) {
    if (leaf == 7 && subleaf == 0) {
        a->ebx &= ~(BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31));
        a->ecx &= ~(BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14));
        a->edx &= ~(BIT(2) | BIT(3) | BIT(8) | BIT(22) | BIT(23) | BIT(24) | BIT(25));
    } else if (leaf == 7 && subleaf == 1) {
        a->eax &= ~(BIT(4) | BIT(5));
    } else if (leaf == 0xd && subleaf == 0) {
        a->eax &= BIT(0) | BIT(1) | BIT(2);
    }
}

static answer cache(uint32_t kind, uint32_t level, uint32_t ways, uint32_t kib) {
    answer a = {kind | level << 5 | BIT(8), (ways - 1) << 22 | (LINE - 1), kib * 1024 / LINE / ways - 1, 0};
    return a;
}

static answer cache_of_amd(uint32_t index) {
    switch (index) {
    case 0: return cache(1, 1, 8, 32);
    case 1: return cache(2, 1, 8, 32);
    case 2: return cache(3, 2, 8, l2_kib);
    case 3: return cache(3, 3, 16, l3_kib);
    default: return (answer){0, 0, 0, 0};
    }
}

static answer as_amd(uint32_t leaf, uint32_t subleaf, answer a) {
    static const char brand[48] = "AMD EPYC 7742 64-Core Processor";
    switch (leaf) {
    case 0: return name_of_vendor(0x10);
    case 1: a.eax = 0x00830f10; return a; /* family 23, model 49 */
    case 2:
    case 4: return (answer){0, 0, 0, 0};
    case 0x80000000: return name_of_vendor(0x80000020);
    case 0x80000001: a.ecx |= BIT(6) | BIT(22); return a; /* SSE4a, topology extensions */
    case 0x80000002:
    case 0x80000003:
    case 0x80000004: memcpy(&a, brand + (leaf - 0x80000002) * sizeof a, sizeof a); return a;
    case 0x80000005: return (answer){0xff40ff40, 0xff40ff40, 0x20080140, 0x20080140};
    case 0x80000006: return (answer){0, 0, l2_kib << 16 | 0x6140, (l3_kib / 512) << 18 | 0x9140};
    case 0x80000008: a.ecx = 1; return a;
    case 0x8000001d: return cache_of_amd(subleaf);
    case 0x8000001e: a.ebx = a.ecx = 0; return a;
    default: return a;
    }
}

static answer with_caches(uint32_t leaf, uint32_t subleaf, answer a) {
    uint32_t ways = (a.ebx >> 22) + 1;
    if (leaf == 4 && subleaf == 2) a.ecx = l2_kib * 1024 / LINE / ways - 1;
    if (leaf == 4 && subleaf == 3) a.ecx = l3_kib * 1024 / LINE / ways - 1;
    return a;
}

static void on_trap(int signal_number, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const unsigned char *instruction = (const unsigned char *)registers[REG_RIP];
    (void)signal_number, (void)info;
    if (instruction[0] != 0x0f || instruction[1] != 0xa2) { /* a real fault: let it happen again */
        sigaction(SIGSEGV, &previous, NULL);
        return;
    }
    uint32_t leaf = registers[REG_RAX], subleaf = registers[REG_RCX];
    allow_cpuid(1);
    answer a = ask(leaf, subleaf);
    allow_cpuid(0);
    hide_avx512(leaf, subleaf, &a);
    a = amd ? as_amd(leaf, subleaf, a) : with_caches(leaf, subleaf, a);
    registers[REG_RAX] = a.eax, registers[REG_RBX] = a.ebx, registers[REG_RCX] = a.ecx, registers[REG_RDX] = a.edx;
    registers[REG_RIP] += 2;
}

__attribute__((constructor)) static void begin(void) {
    char vendor[8];
    const char *wanted = getenv("OTHER_PROCESSOR");
    if (!wanted) return;
    if (sscanf(wanted, "%7[a-z],%u,%u", vendor, &l2_kib, &l3_kib) != 3 || (strcmp(vendor, "amd") && strcmp(vendor, "intel"))) {
        fprintf(stderr, "OTHER_PROCESSOR: write amd,L2,L3 or intel,L2,L3 with sizes in KiB\n");
        _exit(2);
    }
    amd = !strcmp(vendor, "amd");
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &action, &previous);
    if (allow_cpuid(0)) {
        fprintf(stderr, "OTHER_PROCESSOR: this machine cannot have CPUID trap\n");
        _exit(3);
    }
}
