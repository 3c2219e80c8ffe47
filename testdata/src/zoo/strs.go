package main

import "unsafe"

type StrHolder struct {
	s    string
	b    []byte
	next *StrHolder
}

var (
	gStrBig    string
	gSubString string // 20 bytes in the middle of 3000
	gSubBytes  []byte // likewise of an array
	gStrOdd    string // bytes that need quoting
	gStrStatic = "a static string"
	gStrEmpty  string
	gStrUTF8   string
	gStrHolder *StrHolder
	gTinyInts  [40]*int32
	gTinyBool  *bool
	gTinyStr   [20]string
	gTinyByte  [5]*byte
	gSmall8    *int64
	gBigBytes  []byte // 1 MB without pointers
	gBigBytes2 []byte // 1 MB minus a bit
)

//go:noinline
func bytesOf(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('a' + i%26)
	}
	return b
}

//go:noinline
func buildStrings() {
	gStrBig = string(bytesOf(1000))
	strt("str.big", -1, strPtr(gStrBig), 1000, live, "global:main.gStrBig")
	long := string(bytesOf(3000))
	gSubString = long[1500:1520]
	strt("str.substring.base", -1, strPtr(long), 3000, live, "global:main.gSubString")
	b := bytesOf(2000)
	gSubBytes = b[700:710]
	arr("str.subbytes.base", "uint8", unsafe.Pointer(&b[0]), 1, 2000, 2000, live, "global:main.gSubBytes")
	odd := []byte("quote\" comma, semi; newline\n tab\t nul\x00 bad\xff\xfe end and padding")
	gStrOdd = string(odd)
	strt("str.odd", -1, strPtr(gStrOdd), len(gStrOdd), live, "global:main.gStrOdd")
	u := []byte("Gr\u00fc\u00dfe \u4e16\u754c \U0001f600 and padding to be safe")
	gStrUTF8 = string(u)
	strt("str.utf8", -1, strPtr(gStrUTF8), len(gStrUTF8), live, "global:main.gStrUTF8")
	for i := 0; i < 30; i++ {
		gStrHolder = &StrHolder{mkstr("held-string-number-", i, 5), bytesOf(20 + i), gStrHolder}
	}
	cnt("main.StrHolder", 30, 0)
	strt("str.held", -1, strPtr(gStrHolder.s), len(gStrHolder.s), live, "global:main.gStrHolder")

	for i := range gTinyInts {
		p := new(int32)
		*p = int32(i)
		gTinyInts[i] = p
		if i%10 == 0 {
			rec("tiny.int32", i, unsafe.Pointer(p), 4, "int32", live, "global:main.gTinyInts", "tiny=1")
		}
	}
	gTinyBool = new(bool)
	rec("tiny.bool", -1, unsafe.Pointer(gTinyBool), 1, "bool", live, "global:main.gTinyBool", "tiny=1")
	for i := range gTinyStr {
		gTinyStr[i] = mkstr("t", i, 5)
		if i%10 == 0 {
			strt("tiny.string", i, strPtr(gTinyStr[i]), 6, live, "global:main.gTinyStr")
		}
	}
	for i := range gTinyByte {
		gTinyByte[i] = new(byte)
	}
	gSmall8 = new(int64)
	rec("small.int64", -1, unsafe.Pointer(gSmall8), 8, "int64", live, "global:main.gSmall8", "tiny=1")

	gBigBytes = make([]byte, 1<<20)
	copy(gBigBytes, "a megabyte of mostly nothing")
	arr("big.bytes", "uint8", unsafe.Pointer(&gBigBytes[0]), 1, 1<<20, 1<<20, live, "global:main.gBigBytes")
	gBigBytes2 = make([]byte, 160000)
	arr("big.bytes2", "uint8", unsafe.Pointer(&gBigBytes2[0]), 1, 160000, 160000, live, "global:main.gBigBytes2")
}
