"""Key, button and axis tables of the systems that recordings come from: one row an input, one column a system.

Knows no function of ours; `names` reads it. Sources: Windows winuser.h (VK_*, US layout for the OEM keys), Linux
input-event-codes.h, the Pixels2Play recorder's key names, Minecraft's key bindings as
MineRL and VPT write them. A dash means that the system has no such input.
"""

# name (after "key."), Windows virtual key, Linux symbol, Linux code, Pixels2Play, Minecraft (after "key.keyboard.")
KEYS = """
escape             27  KEY_ESC            1   Escape          escape
backspace          8   KEY_BACKSPACE      14  Backspace       backspace
tab                9   KEY_TAB            15  Tab             tab
enter              13  KEY_ENTER          28  Enter           enter
space              32  KEY_SPACE          57  Space           space
caps_lock          20  KEY_CAPSLOCK       58  CapsLock        caps.lock
shift              16  -                  -   -               -
control            17  -                  -   -               -
alt                18  -                  -   -               -
left_shift         160 KEY_LEFTSHIFT      42  LeftShift       left.shift
right_shift        161 KEY_RIGHTSHIFT     54  RightShift      right.shift
left_control       162 KEY_LEFTCTRL       29  LeftControl     left.control
right_control      163 KEY_RIGHTCTRL      97  RightControl    right.control
left_alt           164 KEY_LEFTALT        56  LeftAlt         left.alt
right_alt          165 KEY_RIGHTALT       100 RightAlt        right.alt
left_super         91  KEY_LEFTMETA       125 LeftSuper       left.win
right_super        92  KEY_RIGHTMETA      126 RightSuper      right.win
menu               93  KEY_COMPOSE        127 Menu            menu
left               37  KEY_LEFT           105 LeftArrow       left
up                 38  KEY_UP             103 UpArrow         up
right              39  KEY_RIGHT          106 RightArrow      right
down               40  KEY_DOWN           108 DownArrow       down
page_up            33  KEY_PAGEUP         104 PageUp          page.up
page_down          34  KEY_PAGEDOWN       109 PageDown        page.down
end                35  KEY_END            107 End             end
home               36  KEY_HOME           102 Home            home
insert             45  KEY_INSERT         110 Insert          insert
delete             46  KEY_DELETE         111 Delete          delete
print_screen       44  KEY_SYSRQ          99  PrintScreen     print.screen
scroll_lock        145 KEY_SCROLLLOCK     70  ScrollLock      scroll.lock
pause              19  KEY_PAUSE          119 Pause           pause
num_lock           144 KEY_NUMLOCK        69  NumLock         num.lock
semicolon          186 KEY_SEMICOLON      39  Semicolon       semicolon
equals             187 KEY_EQUAL          13  Equal           equal
comma              188 KEY_COMMA          51  Comma           comma
minus              189 KEY_MINUS          12  Minus           minus
period             190 KEY_DOT            52  Period          period
slash              191 KEY_SLASH          53  Slash           slash
grave              192 KEY_GRAVE          41  Grave           grave.accent
left_bracket       219 KEY_LEFTBRACE      26  LeftBracket     left.bracket
backslash          220 KEY_BACKSLASH      43  BackSlash       backslash
right_bracket      221 KEY_RIGHTBRACE     27  RightBracket    right.bracket
apostrophe         222 KEY_APOSTROPHE     40  Quote           apostrophe
oem_8              223 -                  -   -               -
iso                226 KEY_102ND          86  -               world.2
numpad_0           96  KEY_KP0            82  Numpad0         keypad.0
numpad_1           97  KEY_KP1            79  Numpad1         keypad.1
numpad_2           98  KEY_KP2            80  Numpad2         keypad.2
numpad_3           99  KEY_KP3            81  Numpad3         keypad.3
numpad_4           100 KEY_KP4            75  Numpad4         keypad.4
numpad_5           101 KEY_KP5            76  Numpad5         keypad.5
numpad_6           102 KEY_KP6            77  Numpad6         keypad.6
numpad_7           103 KEY_KP7            71  Numpad7         keypad.7
numpad_8           104 KEY_KP8            72  Numpad8         keypad.8
numpad_9           105 KEY_KP9            73  Numpad9         keypad.9
numpad_multiply    106 KEY_KPASTERISK     55  NumpadMultiply  keypad.multiply
numpad_add         107 KEY_KPPLUS         78  NumpadAdd       keypad.add
numpad_separator   108 KEY_KPCOMMA        121 -               -
numpad_subtract    109 KEY_KPMINUS        74  NumpadSubtract  keypad.subtract
numpad_decimal     110 KEY_KPDOT          83  NumpadDecimal   keypad.decimal
numpad_divide      111 KEY_KPSLASH        98  NumpadDivide    keypad.divide
numpad_enter       -   KEY_KPENTER        96  NumpadEnter     keypad.enter
numpad_equals      146 KEY_KPEQUAL        117 -               keypad.equal
cancel             3   KEY_CANCEL         223 -               -
clear              12  KEY_CLEAR          355 -               -
hangul             21  KEY_HANGEUL        122 -               -
junja              23  -                  -   -               -
final              24  -                  -   -               -
hanja              25  KEY_HANJA          123 -               -
henkan             28  KEY_HENKAN         92  -               -
muhenkan           29  KEY_MUHENKAN       94  -               -
accept             30  -                  -   -               -
mode_change        31  -                  -   -               -
kana               -   KEY_KATAKANAHIRAGANA 93 -              -
yen                -   KEY_YEN            124 -               -
ro                 193 KEY_RO             89  -               -
numpad_period_abnt 194 KEY_KPJPCOMMA      95  -               -
select             41  KEY_SELECT         353 -               -
print              42  KEY_PRINT          210 -               -
execute            43  KEY_OPEN           134 -               -
help               47  KEY_HELP           138 -               -
sleep              95  KEY_SLEEP          142 -               -
power              -   KEY_POWER          116 -               -
browser_back       166 KEY_BACK           158 -               -
browser_forward    167 KEY_FORWARD        159 -               -
browser_refresh    168 KEY_REFRESH        173 -               -
browser_stop       169 KEY_STOP           128 -               -
browser_search     170 KEY_SEARCH         217 -               -
browser_favourites 171 KEY_BOOKMARKS      156 -               -
browser_home       172 KEY_HOMEPAGE       172 -               -
volume_mute        173 KEY_MUTE           113 -               -
volume_down        174 KEY_VOLUMEDOWN     114 -               -
volume_up          175 KEY_VOLUMEUP       115 -               -
media_next         176 KEY_NEXTSONG       163 -               -
media_previous     177 KEY_PREVIOUSSONG   165 -               -
media_stop         178 KEY_STOPCD         166 -               -
media_play         179 KEY_PLAYPAUSE      164 -               -
launch_mail        180 KEY_MAIL           155 -               -
launch_media       181 KEY_MEDIA          226 -               -
launch_app_1       182 KEY_PROG1          148 -               -
launch_app_2       183 KEY_PROG2          149 -               -
attention          246 -                  -   -               -
cursor_select      247 -                  -   -               -
extend_select      248 -                  -   -               -
erase_eof          249 -                  -   -               -
play               250 KEY_PLAY           207 -               -
zoom               251 KEY_ZOOM           372 -               -
pa_1               253 -                  -   -               -
oem_clear          254 -                  -   -               -
"""

LETTERS = "abcdefghijklmnopqrstuvwxyz"
# Linux numbers letters by their place on the keyboard.
LETTER_EVDEV = {
    letter: code
    for row, first in (("qwertyuiop", 16), ("asdfghjkl", 30), ("zxcvbnm", 44))
    for code, letter in enumerate(row, first)
}
DIGIT_EVDEV = {str(digit): 1 + digit if digit else 11 for digit in range(10)}
FUNCTION_EVDEV = {n: 58 + n if n <= 10 else 76 + n if n <= 12 else 170 + n for n in range(1, 25)}

# Left and right of one modifier. A recording that does not tell them apart has the generic key.
SIDES = {
    "key.shift": ("key.left_shift", "key.right_shift"),
    "key.control": ("key.left_control", "key.right_control"),
    "key.alt": ("key.left_alt", "key.right_alt"),
}

# Other spellings of the same keys, met in the libraries that the Pixels2Play recorder is built on. Of the names in the table
# above, its model's list and its sources show letters, digits, Space, the arrows, both Shifts, Control, Tab, Escape, Quote,
# both brackets and BackSlash; the rest follow their pattern.
PIXELS2PLAY_ALIASES = """
Shift        key.shift
Control      key.control
Alt          key.alt
Ctrl         key.control
LeftCtrl     key.left_control
RightCtrl    key.right_control
LeftMeta     key.left_super
RightMeta    key.right_super
Return       key.enter
Apostrophe   key.apostrophe
Backslash    key.backslash
Dot          key.period
Backquote    key.grave
Equals       key.equals
"""

# name (after "mouse."), Windows virtual key, Linux symbol, Linux code, Pixels2Play (levels), Minecraft
MOUSE_BUTTONS = """
left    1 BTN_LEFT   272 0 key.mouse.left
right   2 BTN_RIGHT  273 1 key.mouse.right
middle  4 BTN_MIDDLE 274 2 key.mouse.middle
x1      5 BTN_SIDE   275 3 key.mouse.4
x2      6 BTN_EXTRA  276 4 key.mouse.5
"""

# name (after "pad."), Windows virtual key, Linux symbol, Linux code, Pixels2Play field
PAD_BUTTONS = """
south        195 BTN_SOUTH      304 south
east         196 BTN_EAST       305 east
west         197 BTN_WEST       308 west
north        198 BTN_NORTH      307 north
right_bumper 199 BTN_TR         311 right_bumper
left_bumper  200 BTN_TL         310 left_bumper
dpad_up      203 BTN_DPAD_UP    544 dpad_up
dpad_down    204 BTN_DPAD_DOWN  545 dpad_down
dpad_left    205 BTN_DPAD_LEFT  546 dpad_left
dpad_right   206 BTN_DPAD_RIGHT 547 dpad_right
start        207 BTN_START      315 start
select       208 BTN_SELECT     314 select
left_stick   209 BTN_THUMBL     317 left_stick.pressed
right_stick  210 BTN_THUMBR     318 right_stick.pressed
guide        -   BTN_MODE       316 -
"""

# A pad's events name some buttons otherwise than its levels (elefant-ai/recap, the words of its library gilrs).
PIXELS2PLAY_PAD_EVENTS = """
left_trigger  pad.left_bumper
right_trigger pad.right_bumper
left_stick    pad.left_stick
right_stick   pad.right_stick
"""

EV_KEY, EV_REL, EV_ABS = 1, 2, 3  # Linux event types

# name, sum or state, Linux event type, Linux symbol, Linux code
AXES = """
mouse.dx          sum   2 REL_X      0
mouse.dy          sum   2 REL_Y      1
mouse.hwheel      sum   2 REL_HWHEEL 6
mouse.wheel       sum   2 REL_WHEEL  8
mouse.x           state - -          -
mouse.y           state - -          -
pad.left_x        state 3 ABS_X      0
pad.left_y        state 3 ABS_Y      1
pad.right_x       state 3 ABS_RX     3
pad.right_y       state 3 ABS_RY     4
pad.left_trigger  state 3 ABS_Z      2
pad.right_trigger state 3 ABS_RZ     5
pad.hat_x         state 3 ABS_HAT0X  16
pad.hat_y         state 3 ABS_HAT0Y  17
"""

ARM_AXES = 32  # arm.0 .. arm.31: a robot's joints or end effector; each recording says whether they are sums or states

# What VPT calls the inputs of Minecraft under its contractors' default bindings (its IDM's 20 buttons, in its order).
VPT_BUTTONS = """
attack mouse.left
back key.s
forward key.w
jump key.space
left key.a
right key.d
sneak key.left_shift
sprint key.left_control
use mouse.right
drop key.q
inventory key.e
hotbar.1 key.1
hotbar.2 key.2
hotbar.3 key.3
hotbar.4 key.4
hotbar.5 key.5
hotbar.6 key.6
hotbar.7 key.7
hotbar.8 key.8
hotbar.9 key.9
"""
