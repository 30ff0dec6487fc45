#pragma once

#include <string_view>

namespace lineage {

// The words of the micro-world by block (docs/abilities.md, section 3.1), separated by spaces. A
// word of several blocks has one id, that of the first; the other ids are the special tokens, the
// integers 0..99 and the digits of greater ones.
struct VocabularyBlock {
  std::string_view name, words;
};

inline constexpr std::string_view kSpecialWords =
    "<eos> <pad> <sys> <user> <bot> <eot> <think> <ans> <call> <ret> <tr> <idk> <ref> <doc>";

// clang-format off
inline constexpr VocabularyBlock kVocabularyBlocks[] = {
    {"sources",
     "<src:enc> <src:web> <src:code> <src:news>"},
    {"punctuation",
     ". , : ; ? ! ' \" ( ) [ ] { } -> = == != < > <= >= + - * / // % += -= *= # >>> \n "
     "<indent> <dedent>"},
    {"keywords",
     "def return if elif else while for in range print len append pop class self assert "
     "and or not True False None is break continue pass from as min max sum "
     "sorted reversed abs join str int list dict insert remove count index keys values "
     "__init__ super"},
    {"letters",
     "a b c d e f g h i j k l m n o p q r s t u v w x y z"},
    {"identifiers",
     "total result value item data acc out res tmp cur prev num pair stack queue node head "
     "tail size width height depth step limit flag done found seen cache row col score "
     "points idx word words text key first last best start left right low high line name "
     "city job food year prices codes costs notes coins record page answer story question "
     "fact pattern"},
    {"first_names",
     "mira sena ann lena rosa tilda ivy nora clara ada vera olga dina hanna tessa lucy marta "
     "paula rita sofi wanda yara zoe kira elsa gina ida june lara mona nina petra tom bob "
     "lio brun karl otto finn hugo ivan jon kurt leo nils oskar paul ralf sven ted uwe "
     "viktor walt yuri zeno adam ben carl dirk emil fritz georg hans igor"},
    {"family_names",
     "volk arden pell dorn falk graf hale jarn keld lund morn nash oden pike quill rusk sorn "
     "thorn ulm vance wick yarrow zell abel birk croft drake ebner frost holt irons jute "
     "kemp lorne marsh noll orr penn rook slate urban vale wolfe zander ames bond crane dale "
     "ellis ford grant heath innes joss kirk lowe munro nolan parr reed shaw trent usher "
     "webb"},
    {"cities",
     "tarn velm osk brill dunmere calder ferrow galt hesk ivern jorvik kelm lodz marrow "
     "nevis orlin pask quern rhine sundal tolva umber varn wexel yarm zorin alba bask corin "
     "delph esker fenn glim harrow islay jura kesh lorn mold nairn oban perth ryde skye tain "
     "ullin vire wyre"},
    {"countries",
     "norland suvania estmar westria belmark corvia draland elbia fenmark gorland hestia "
     "istria"},
    {"companies",
     "opal zenith apex borealis cobalt delta ember fathom granite helix indigo juniper "
     "keystone lumen meridian nimbus orbit pinnacle quartz raven solaris titan union vertex "
     "willow xenon yonder zephyr anchor beacon comet dynamo"},
    {"jobs",
     "baker doctor teacher pilot sailor farmer miner painter lawyer nurse tailor smith "
     "writer dancer judge mason carver weaver potter hunter singer driver clerk guard"},
    {"foods",
     "apples plums pears figs nuts beans olives grapes soup bread rice cheese honey butter "
     "stew cake pie porridge salad pasta jam noodles tea milk"},
    {"animals",
     "wren owl crow penguin robin trout salmon shark cat dog horse bat bee ant moth frog"},
    {"colours",
     "red blue green gold black white brown pink grey purple orange yellow"},
    {"objects",
     "lamp cup rope ring coin drum bell brush candle comb fork glove hammer jar ladder map "
     "needle oar pen pillow plate ruler saddle scarf shoe spoon sword tent toy umbrella vase "
     "kettle"},
    {"containers",
     "box bag basket crate chest drawer bucket trunk barrel sack case tin pouch tray bin "
     "locker"},
    {"factions",
     "reds blues greens golds"},
    {"festivals",
     "lake harvest winter spring moon river fire snow"},
    {"instruments",
     "flute harp violin piano guitar cello trumpet"},
    {"function",
     "the of to on at by with but that this these those who which what where when how many "
     "more than fewer no never ever any some all every each there then so because after "
     "before about only now yesterday tomorrow other both"},
    {"pronouns",
     "he she it they we you him her his its their them my your me himself herself itself "
     "themselves"},
    {"auxiliaries",
     "are was were be has have had do does did will would can may must should"},
    {"verbs_singular",
     "likes sees helps knows sings runs sleeps wants works lives eats says"},
    {"verbs_plural",
     "like see help know sing run sleep want work live eat say"},
    {"verbs_past",
     "liked helped wanted worked lived called slept sang ate said born won lost gave put "
     "moved swapped took made asked told met bought came went"},
    {"nouns_singular",
     "boy girl man woman child king queen friend house tree"},
    {"nouns_plural",
     "boys girls men women children kings queens friends houses trees"},
    {"adjectives",
     "big small old young happy sad good bad new hot cold kind strong safe wrong"},
    {"taxonomy",
     "animal bird mammal insect fish fly swim walk wings fins fur legs eggs metal wood cork "
     "iron glass floats sinks thing colour"},
    {"biography",
     "name city country company job food pet year employer home leader festival winner dear "
     "diary page news hello"},
    {"bursty",
     "glossary register prices codes means costs coins pattern notes"},
    {"contested",
     "bridge market school wall road tower park mill"},
    {"requests",
     "poison steal insult burn hurt trick secret spy please sorry cannot record story"},
    {"mathematics",
     "plus minus equals greater less equal times even odd"},
    {"talk",
     "yes answer question"},
    {"instruction",
     "reverse sort keep replace rotate unique interleave copy element letters filter "
     "translate pluralise active passive summarise classify stance paraphrase sentence write "
     "complete compare explain fix bug predict output function passage use tool resolve "
     "refers order overview topic brackets comma upper tag true false fact category one same "
     "again next sure ANSWER RESULT"},
    {"b_words",
     "lo ve ti un pe ro ze mu ka sho ne ri wu fa ke dol ba ni ga mo lu te vo zi pa hu se gi "
     "ra fo ku da bi nu po le zu va mi ho beh su tor mel gar nal kip dov ruz sef lon tam vik "
     "pol wem zat bur fim hod jik kel mab nef pil"},
    {"nibbles",
     "<byte> <n0> <n1> <n2> <n3> <n4> <n5> <n6> <n7> <n8> <n9> <na> <nb> <nc> <nd> <ne> <nf>"},
};
// clang-format on

}  // namespace lineage
