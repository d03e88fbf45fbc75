package file

// vp8Parser reads as much of the headers of VP8 frames as tells their place in the group (RFC 6386, sections 9 and 19.2). It is given the frames
// of a file in order.
type vp8Parser struct {
	// The loop filter adjustments in force, four for reference frames and four for modes. libvpx repeats them in every frame when it is told
	// to expect losses, so that it takes the values to tell whether a frame changes them.
	adjustments [8]int8
}

// vp8KeyHeader is the size of what stands before the compressed header in a key frame: the frame tag, a start code and the picture's size. In
// other frames it is the tag alone.
const (
	vp8KeyHeader   = 10
	vp8DeltaHeader = 3
)

// frame tells whether b is a key frame, and whether it leaves no trace in the decoder, so that it can be left out. With libvpx's pattern of
// two temporal layers, frames that can be left out are the upper layer. So can an empty frame, by which an encoder says that it dropped one.
func (p *vp8Parser) frame(b []byte) (key, droppable bool) {
	if len(b) < vp8DeltaHeader {
		return false, len(b) == 0
	}
	key = b[0]&1 == 0
	d := boolDecoder{}
	if key {
		d.start(b[min(vp8KeyHeader, len(b)):])
		d.literal(1 + 1) // color_space, clamping_type
		p.adjustments = [8]int8{}
	} else {
		d.start(b[vp8DeltaHeader:])
	}
	trace := d.flag() && d.segmentation() // segmentation_enabled
	d.literal(1 + 6 + 3)                  // filter_type, loop_filter_level, sharpness_level
	enabled := d.flag()                   // loop_filter_adj_enable
	if enabled && d.flag() {              // mode_ref_lf_delta_update
		before := p.adjustments
		for i := range p.adjustments {
			if d.flag() {
				p.adjustments[i] = d.signed(6)
			}
		}
		trace = trace || p.adjustments != before
	}
	if key {
		return true, false
	}
	d.literal(2 + 7) // log2_nbr_of_dct_partitions, y_ac_qi
	for range 5 {    // y_dc, y2_dc, y2_ac, uv_dc, uv_ac
		if d.flag() {
			d.literal(4 + 1)
		}
	}
	golden, alternate := d.flag(), d.flag()
	if !golden {
		golden = d.literal(2) != 0 // copy_buffer_to_golden
	}
	if !alternate {
		alternate = d.literal(2) != 0 // copy_buffer_to_alternate
	}
	d.literal(2) // sign_bias_golden, sign_bias_alternate: repeated in every frame
	entropy, last := d.flag(), d.flag()
	return false, !trace && !golden && !alternate && !entropy && !last
}

// segmentation reads update_segmentation and tells whether something in it stays for the frames that follow.
func (d *boolDecoder) segmentation() bool {
	updateMap, updateData := d.flag(), d.flag()
	if updateData {
		d.flag() // segment_feature_mode
		for i := range 8 {
			if d.flag() {
				d.signed(7 - i/4) // four quantizers of 7 bits, four loop filter levels of 6
			}
		}
	}
	if updateMap {
		for range 3 {
			if d.flag() {
				d.literal(8)
			}
		}
	}
	return updateMap || updateData
}

// boolDecoder is the arithmetic decoder of RFC 6386, section 7.3, for flags of even probability, the only ones in the header. Past the
// end of the data it reads zeros.
type boolDecoder struct {
	data  []byte
	value uint32
	width uint32 // "range" in the RFC
	bits  int
}

func (d *boolDecoder) start(b []byte) {
	*d = boolDecoder{data: b, width: 255}
	d.value = uint32(d.byte())<<8 | uint32(d.byte())
}

func (d *boolDecoder) byte() byte {
	if len(d.data) == 0 {
		return 0
	}
	c := d.data[0]
	d.data = d.data[1:]
	return c
}

func (d *boolDecoder) flag() bool {
	split := 1 + (d.width-1)*128>>8
	bit := d.value >= split<<8
	if bit {
		d.width -= split
		d.value -= split << 8
	} else {
		d.width = split
	}
	for d.width < 128 {
		d.value <<= 1
		d.width <<= 1
		if d.bits++; d.bits == 8 {
			d.bits = 0
			d.value |= uint32(d.byte())
		}
	}
	return bit
}

func (d *boolDecoder) literal(n int) (v uint32) {
	for range n {
		v <<= 1
		if d.flag() {
			v |= 1
		}
	}
	return v
}

// signed reads a number of n bits, at most 7, and its sign.
func (d *boolDecoder) signed(n int) int8 {
	v := int8(d.literal(n))
	if d.flag() {
		return -v
	}
	return v
}
