package main

import (
	"errors"
	"unsafe"
)

type Shape interface{ Area() int64 }
type Namer interface {
	Shape
	Name() string
}

type Circle struct { // behind a pointer: the word is the pointer
	r    int64
	leaf *ShapeLeaf
}
type Square struct { // as a value: the word points to a copy
	a, b int64
	leaf *ShapeLeaf
}
type Point struct{ x, y int64 } // a value without pointers
type OnePtr struct{ p *OnePtrLeaf }
type OnePtrArr [1]*OnePtrArrLeaf
type PtrAndNothing struct { // never direct: the field without a size at the end is padded to a word
	p *PtrNothingLeaf
	_ struct{}
}
type TwoWords struct {
	p *TwoWordsLeaf
	n int64
}
type ShapeLeaf struct{ a, b int64 }
type OnePtrLeaf struct{ a, b int64 }
type OnePtrArrLeaf struct{ a, b int64 }
type PtrNothingLeaf struct{ a, b int64 }
type TwoWordsLeaf struct{ a, b int64 }
type BoxLeaf struct{ a, b int64 }
type ErrWrap struct {
	err  error
	what string
}

func (c *Circle) Area() int64  { return c.r * c.r * 3 }
func (c *Circle) Name() string { return "circle" }
func (s Square) Area() int64   { return s.a * s.b }
func (s Square) Name() string  { return "square" }
func (p Point) Area() int64    { return 0 }
func (e *ErrWrap) Error() string {
	return e.what
}

type eface struct {
	typ  unsafe.Pointer
	data unsafe.Pointer
}

func dataWord(e *interface{}) unsafe.Pointer { return (*eface)(unsafe.Pointer(e)).data }

var (
	gShapes    []Shape
	gNamer     Namer
	gShapeVal  Shape
	gEface     interface{}
	gErr       error
	gBoxed     [16]interface{}
	gIfaceMap  interface{}
	gIfaceChan interface{}
	gIfaceFunc interface{}
	gIfaceNil  Shape = (*Circle)(nil)
)

//go:noinline
func buildIfaces() {
	leaves := 0
	for i := 0; i < 24; i++ {
		switch i % 3 {
		case 0:
			gShapes = append(gShapes, &Circle{int64(i), &ShapeLeaf{1, 2}})
			leaves++
		case 1:
			gShapes = append(gShapes, Square{int64(i), 2, &ShapeLeaf{3, 4}})
			leaves++
		default:
			gShapes = append(gShapes, Point{int64(i), 2})
		}
	}
	arr("iface.shapes", "main.Shape", unsafe.Pointer(&gShapes[0]), 16, len(gShapes), cap(gShapes), live, "global:main.gShapes")
	gNamer = &Circle{99, &ShapeLeaf{5, 6}}
	gShapeVal = Square{7, 8, &ShapeLeaf{7, 8}}
	leaves += 2
	cnt("main.Circle", 9, 0)
	cnt("main.Square", 9, 0)
	cnt("main.Point", 8, 0)
	cnt("main.ShapeLeaf", leaves, 0)
	rec("iface.namer", -1, (*eface)(unsafe.Pointer(&gNamer)).data, unsafe.Sizeof(Circle{}), "main.Circle", live, "global:main.gNamer", "")
	rec("iface.shapeval", -1, (*eface)(unsafe.Pointer(&gShapeVal)).data, unsafe.Sizeof(Square{}), "main.Square", live, "global:main.gShapeVal", "")
	glob("main.gNamer", unsafe.Pointer(&gNamer), 16, "main.Namer")

	gEface = TwoWords{&TwoWordsLeaf{1, 2}, 3}
	cnt("main.TwoWords", 1, 0)
	cnt("main.TwoWordsLeaf", 1, 0)
	rec("iface.eface", -1, dataWord(&gEface), unsafe.Sizeof(TwoWords{}), "main.TwoWords", live, "global:main.gEface", "")
	gErr = &ErrWrap{errors.New("the inner error"), mkstr("what-went-wrong-", 1, 4)}
	cnt("main.ErrWrap", 1, 0)

	n := len(gShapes) // not a constant, so that boxing allocates
	gBoxed[0] = n * 1000003
	gBoxed[1] = byte(n) // in the runtime's table of small values
	gBoxed[2] = mkstr("a-boxed-string-of-", n, 4)
	gBoxed[3] = []*BoxLeaf{{int64(n), 1}, {int64(n), 2}}
	gBoxed[4] = OnePtr{&OnePtrLeaf{1, 2}}
	gBoxed[5] = OnePtrArr{&OnePtrArrLeaf{1, 2}}
	gBoxed[6] = PtrAndNothing{p: &PtrNothingLeaf{1, 2}}
	gBoxed[7] = float64(n) * 1.5
	gBoxed[8] = true
	gBoxed[9] = struct{}{}
	gBoxed[10] = [3]*BoxLeaf{{1, 1}, {2, 2}, nil}
	gBoxed[11] = complex(float64(n), 2)
	gBoxed[12] = unsafe.Pointer(&BoxLeaf{8, 8})
	gBoxed[13] = 0
	gBoxed[14] = ""
	gBoxed[15] = int32(n * 70001)
	rec("box.int", -1, dataWord(&gBoxed[0]), 8, "int", live, "global:main.gBoxed", "")
	rec("box.string", -1, dataWord(&gBoxed[2]), 16, "string", live, "global:main.gBoxed", "")
	rec("box.slice", -1, dataWord(&gBoxed[3]), 24, "[]*main.BoxLeaf", live, "global:main.gBoxed", "")
	rec("box.oneptr", -1, dataWord(&gBoxed[4]), 16, "main.OnePtrLeaf", live, "global:main.gBoxed", "")
	rec("box.oneptrarr", -1, dataWord(&gBoxed[5]), 16, "main.OnePtrArrLeaf", live, "global:main.gBoxed", "")
	rec("box.ptrnothing", -1, dataWord(&gBoxed[6]), unsafe.Sizeof(PtrAndNothing{}), "main.PtrAndNothing", live, "global:main.gBoxed", "")
	cnt("main.PtrAndNothing", 1, 0)
	rec("box.float", -1, dataWord(&gBoxed[7]), 8, "float64", live, "global:main.gBoxed", "")
	rec("box.array", -1, dataWord(&gBoxed[10]), 24, "[3]*main.BoxLeaf", live, "global:main.gBoxed", "")
	rec("box.unsafeptr", -1, dataWord(&gBoxed[12]), 16, "main.BoxLeaf", live, "global:main.gBoxed", "typed=no")
	cnt("main.OnePtrLeaf", 1, 0)
	cnt("main.OnePtrArrLeaf", 1, 0)
	cnt("main.PtrNothingLeaf", 1, 0)
	gIfaceMap = map[string]int{"one": 1}
	gIfaceChan = make(chan int8, 3)
	gIfaceFunc = func() int { n++; return n }
	gIfaces = []interface{}{n, "static", &BoxLeaf{9, 9}, nil, gEface}
	arr("iface.efaces", "interface {}", unsafe.Pointer(&gIfaces[0]), 16, 5, 5, live, "global:main.gIfaces")
}
